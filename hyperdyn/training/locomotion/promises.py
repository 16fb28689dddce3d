"""What plans promise, and what they would bring: a model's plans carried out by the simulator.

A model may predict well and plan badly, and the other way round: planning asks only that what is
truly better looks better ("objective mismatch"; Lambert et al., 2020). So plans are made at
moments of recorded episodes, the same for every model, and the simulators of those episodes say
what each plan would have brought.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.envs import make as make_env
from hyperdyn.envs.locomotion.true_dynamics import true_dynamics
from hyperdyn.errors import InputError
from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator
from hyperdyn.planners import Planner
from hyperdyn.training.collect import Reset
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.tasks import Task

EVERY = 25
"""Steps between the moments of an episode."""
SEQUENCES = 40
"""Random action sequences that are ranked at each moment."""


@dataclass(frozen=True, kw_only=True)
class Promises:
    """Returns over the planner's horizon, means over the moments of each episode."""

    promised: Float[Tensor, " B"]
    """What the model says its plan will return."""
    attained: Float[Tensor, " B"]
    """What the simulator returns for the same plan, carried out to its end."""
    best: Float[Tensor, " B"]
    """The largest true return among the random sequences: what there is to be had."""
    rank: Float[Tensor, " B"]
    """Spearman's rank correlation of predicted and true returns of the random sequences."""


@torch.no_grad()
def promises(
    model: DynamicsGenerator,
    episodes: Episodes,
    resets: Sequence[Reset],
    task: Task,
    *,
    planner: Planner[Any],
    seed: int,
) -> Promises:
    """Plan at every `EVERY`-th step of recorded episodes, and let the simulators carry it out.

    Args:
        model: Generates from the K steps before each moment.
        episodes: Recorded, whoever drove; they are replayed, for what is hidden (how deep a block
            lies) no observation shows.
        resets: How each of them began.
        task: Where they are from, one of the locomotion tasks.
        planner: Plans; each time anew.
        seed: Of plans and random sequences, which are the same for every model.

    Raises:
        InputError: If an episode comes out otherwise than it was recorded, or none is long enough
            for a moment.
    """
    K, objective = model.history_length, task.objective()
    plans, draws = (torch_generator(seed, "promises", stream) for stream in (0, 1))
    envs: list[Any] = [make_env(task.env_id) for _ in resets]
    found = []
    try:
        for env, reset in zip(envs, resets, strict=True):
            env.reset(seed=reset.seed, options=reset.options)
        truths = task.truths(episodes) if model.oracle else None
        moments = set(range(K, episodes.actions.shape[1] - planner.horizon + 1, EVERY))
        for step in range(max(moments, default=-1) + 1):
            if step in moments:
                past = slice(step - K, step)
                history = History(episodes.states[:, past], episodes.actions[:, past])
                told = None if truths is None else truths[:, step]
                dynamics, start = model.generate(history, truth=told), episodes.states[:, step]
                plan = planner.plan(dynamics, start, objective, generator=plans)
                drawn = torch.rand(len(envs), SEQUENCES, *plan.actions.shape[1:], generator=draws)
                sequences = torch.cat([plan.actions[:, None], drawn * 2 - 1], dim=1)
                simulators = true_dynamics([env.unwrapped for env in envs])
                true = objective(simulators.rollout(start, sequences), sequences)
                said = objective(dynamics.rollout(start, drawn * 2 - 1), drawn * 2 - 1)
                whole = (episodes.lengths >= step + planner.horizon) & true.isfinite().all(1)
                values = (
                    plan.expected_return,
                    true[:, 0],
                    true[:, 1:].max(1).values,
                    rank_correlations(said, true[:, 1:]),
                )
                found.append(torch.stack(values, dim=1).where(whole[:, None], torch.nan))
            _step(envs, episodes, step)
    finally:
        for env in envs:
            env.close()
    means = torch.stack(found).nanmean(0) if found else torch.full((len(envs), 4), torch.nan)
    means = means[means.isfinite().all(1)]
    if len(means) == 0:
        raise InputError(
            f"No episode of {task.env_id} has {K} steps to watch and {planner.horizon} to plan; "
            "record longer ones."
        )
    promised, attained, best, rank = means.unbind(1)
    return Promises(promised=promised, attained=attained, best=best, rank=rank)


def rank_correlations(
    one: Float[Tensor, "E N"], other: Float[Tensor, "E N"]
) -> Float[Tensor, " E"]:
    """Spearman's rank correlation of each row; 0 where all of a row's values are equal."""
    ranks = [_ranks(values) for values in (one, other)]
    centred = [rank - rank.mean(1, keepdim=True) for rank in ranks]
    norms = [rank.norm(dim=1) for rank in centred]
    product = norms[0] * norms[1]
    return torch.where(product > 0, (centred[0] * centred[1]).sum(1) / product, 0.0)


def _ranks(values: Float[Tensor, "E N"]) -> Float[Tensor, "E N"]:
    """How many are below, and half of those that are equal."""
    pairs = values[:, :, None] - values[:, None]
    return pairs.sign().sum(2)


def _step(envs: Sequence[Any], episodes: Episodes, step: int) -> None:
    """Go on as recorded.

    Raises:
        InputError: If that leads elsewhere.
    """
    going: Bool[Tensor, " B"] = episodes.lengths > step
    for row in going.nonzero()[:, 0].tolist():
        observation, *_ = envs[row].step(episodes.actions[row, step].numpy())
        reached = torch.as_tensor(observation, dtype=torch.float32)
        if not torch.equal(reached, episodes.states[row, step + 1]):
            raise InputError(
                f"Replayed, episode {row} comes out otherwise from step {step + 1} on; these are "
                "not the resets or not the versions it was recorded with. Record it again."
            )
