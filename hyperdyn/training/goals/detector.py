"""The stop detector: its threshold, from demonstrations, and how often it is right in trials."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.envs.pushing.layout import GOAL_RADIUS
from hyperdyn.policies import GoalPolicy, latent_distances
from hyperdyn.training.goals.episodes import GoalEpisodes
from hyperdyn.training.goals.trials import GoalTrial
from hyperdyn.training.statistics import interval, mean

_AT_ONCE = 256
_COMPARED = 20_000
"""Pairs of moments that the threshold of arrival is found on."""


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


def detector_scores(trials: Sequence[GoalTrial]) -> dict[str, Any]:
    """How well the stop detector tells arrivals: the object within 4 cm of the goal.

    Shares are None where there is nothing to take them of: precision where it told of nothing,
    recall where nothing arrived.

    Args:
        trials: At least one.

    Returns:
        `tolerance` (m); `pushes`, over the moments after every push of all trials; `trials`, where
        a trial counts as told of if the detector fires after any of its pushes (Hyper-GoalNet's
        rule); and `stopped`: the success of rollouts that end where it first fires.
    """
    truly = [flag for trial in trials for flag in trial.truly]
    told = [flag for trial in trials for flag in trial.detected]
    arrived = [trial.success for trial in trials]
    fired = [any(trial.detected) for trial in trials]
    stopped = [_first(trial) for trial in trials]
    return {
        "tolerance": GOAL_RADIUS,
        "pushes": _scores(truly, told),
        "trials": _scores(arrived, fired),
        "stopped": {
            "success": sum(stopped) / len(stopped),
            "ci95": list(interval([[float(flag) for flag in stopped]], statistic=mean)),
        },
    }


def _first(trial: GoalTrial) -> bool:
    """Whether the object is at the goal when the detector first fires; if never, it is not."""
    return next((at for at, told in zip(trial.truly, trial.detected, strict=True) if told), False)


def _scores(truly: Sequence[bool], told: Sequence[bool]) -> dict[str, Any]:
    pairs = list(zip(truly, told, strict=True))
    both, neither = pairs.count((True, True)), pairs.count((False, False))
    return {
        "count": len(pairs),
        "true": sum(truly),
        "told": sum(told),
        "accuracy": (both + neither) / len(pairs),
        "precision": both / sum(told) if any(told) else None,
        "recall": both / sum(truly) if any(truly) else None,
    }
