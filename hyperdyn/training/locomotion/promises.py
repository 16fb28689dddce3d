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

from hyperdyn.dynamics import Dynamics
from hyperdyn.envs import make as make_env
from hyperdyn.envs.locomotion.true_dynamics import true_dynamics
from hyperdyn.errors import InputError
from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator
from hyperdyn.planners import ObjectiveFunction, Plan, Planner
from hyperdyn.training.collect import Reset
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.statistics import spearman
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
    K, H = model.history_length, planner.horizon
    moments = range(K, episodes.actions.shape[1] - H + 1, EVERY)
    plans, draws = (torch_generator(seed, "promises", stream) for stream in (0, 1))
    truths = task.truths(episodes) if model.oracle else None
    envs: list[Any] = [make_env(task.env_id) for _ in resets]
    found = []
    try:
        for env, reset in zip(envs, resets, strict=True):
            env.reset(seed=reset.seed, options=reset.options)
        simulators = true_dynamics([env.unwrapped for env in envs])
        for step in range(moments.stop):
            if step in moments:
                past = slice(step - K, step)
                history = History(episodes.states[:, past], episodes.actions[:, past])
                dynamics = model.generate(
                    history, truth=None if truths is None else truths[:, step]
                )
                start = episodes.states[:, step]
                plan = planner.plan(dynamics, start, task.objective(), generator=plans)
                drawn = torch.rand(len(envs), SEQUENCES, *plan.actions.shape[1:], generator=draws)
                values = _values(dynamics, simulators, start, plan, drawn * 2 - 1, task.objective())
                whole = (episodes.lengths >= step + H) & values.isfinite().all(1)
                found.append(values.where(whole[:, None], torch.nan))
            _step(envs, episodes, step)
    finally:
        for env in envs:
            env.close()
    means = torch.stack(found).nanmean(0) if found else torch.empty(0, 4)
    means = means[means.isfinite().all(1)]
    if len(means) == 0:
        raise InputError(
            f"No episode of {task.env_id} has {K} steps to watch and {H} to plan; record longer "
            "ones."
        )
    promised, attained, best, rank = means.unbind(1)
    return Promises(promised=promised, attained=attained, best=best, rank=rank)


def _values(
    dynamics: Dynamics,
    simulators: Dynamics,
    start: Float[Tensor, "E S"],
    plan: Plan,
    drawn: Float[Tensor, "E N H A"],
    objective: ObjectiveFunction,
) -> Float[Tensor, "E 4"]:
    """The fields of `Promises` at one moment; not finite where a simulator diverges."""
    sequences = torch.cat([plan.actions[:, None], drawn], dim=1)
    true = objective(simulators.rollout(start, sequences), sequences)
    said = objective(dynamics.rollout(start, drawn), drawn)
    best = true[:, 1:].max(1).values.where(true.isfinite().all(1), torch.nan)
    rank = torch.from_numpy(spearman(said.double().numpy(), true[:, 1:].double().numpy())).float()
    return torch.stack([plan.expected_return, true[:, 0], best, rank], dim=1)


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
