"""Training a policy for goals on pairs of hindsight."""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.envs.pushing.layout import GOAL_RADIUS
from hyperdyn.errors import InputError
from hyperdyn.policies import GoalPolicy, build_goal_policy, latent_distances, load_goal_policy
from hyperdyn.storage import is_written
from hyperdyn.training.goals.configs import GoalTrainConfig
from hyperdyn.training.goals.episodes import GoalEpisodes
from hyperdyn.training.run_folder import open_run
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.stepped_run import SteppedRun

_AT_ONCE = 256
_COMPARED = 20_000
"""Pairs of moments that the threshold of arrival is found on."""


def train_goals(
    config: GoalTrainConfig,
    out: Path,
    episodes: GoalEpisodes,
    *,
    resume: bool = False,
    on_step: Callable[[int], object] = lambda count: None,
) -> GoalPolicy:
    """Train a policy and write it to `out / "model"`.

    Args:
        config: The run.
        out: Its folder.
        episodes: What was demonstrated.
        resume: Go on with a run that was stopped, to the weights it would have had; one that is
            finished is read.
        on_step: Told how many optimiser steps were made.

    Raises:
        CheckpointError: If the folder holds another run, or one that was not to be resumed.
        InputError: If these are not the run's demonstrations.
    """
    if episodes.digest != config.demonstrations:
        raise InputError(
            "These are not the demonstrations that the run was defined with; give the same ones."
        )
    if is_written(out / "model"):
        open_run(config, out, resume=resume)
        on_step(config.steps)
        return load_goal_policy(out)
    weights = torch_generator(config.seed, "model")
    model = build_goal_policy(config.kind, config.model, generator=weights).train()
    rows = episodes.moments()
    model.fit(episodes.scenes[rows], episodes.proprioception[rows])

    def loss(step: int) -> Tensor:
        pairs = episodes.draw(
            contexts=config.contexts,
            moments=config.moments,
            frames=config.model.frames,
            generator=torch_generator(config.seed, "batches", step),
        )
        return model.loss(pairs)

    run = SteppedRun(config, out, model, resume=resume)
    run.steps(0, config.steps, config.learning_rate, loss, on_step)
    model.eval()
    compared = torch_generator(config.seed, "subset")
    model.threshold.fill_(find_threshold(model, episodes, generator=compared))
    model.save(out / "model")
    run.finish()
    return model


@torch.no_grad()
def find_threshold(
    model: GoalPolicy, episodes: GoalEpisodes, *, generator: torch.Generator
) -> float:
    """The distance of latents that best tells whether an object is within 4 cm of the goal's.

    Best is the mean of the shares of arrivals and of other moments that are told rightly, over
    pairs of moments of the same training episode.

    Args:
        model: What encodes.
        episodes: Demonstrations.
        generator: Draws the pairs.
    """
    episode, time = episodes.moments()
    scenes = episodes.scenes[episode, time]
    latents = torch.cat([model.encode(part) for part in scenes.split(_AT_ONCE)])
    first = torch.randint(len(episode), (_COMPARED,), generator=generator)
    begins = episodes.lengths.cumsum(0) + torch.arange(len(episodes)) - episodes.lengths
    own = episode[first]
    drawn = torch.rand(_COMPARED, generator=generator)
    second = begins[own] + (drawn * (episodes.lengths[own] + 1)).long()
    positions = episodes.positions[episode, time]
    truly = (positions[first] - positions[second]).norm(dim=-1) <= GOAL_RADIUS
    return best_threshold(latent_distances(latents[first], latents[second]), truly)


def best_threshold(away: Float[Tensor, " n"], truly: Bool[Tensor, " n"]) -> float:
    """Where to cut distances so that those below are the true ones, both kinds weighing the same.

    Args:
        away: Distances.
        truly: Whether each is of an arrival.
    """
    order = away.argsort()
    values, true = away[order].double(), truly[order].double()
    right = true.cumsum(0) / true.sum().clamp(min=1)
    wrong = (1 - true).cumsum(0) / (1 - true).sum().clamp(min=1)
    place = int((right - wrong).argmax())
    above = values[min(place + 1, len(values) - 1)]
    return float((values[place] + above) / 2)
