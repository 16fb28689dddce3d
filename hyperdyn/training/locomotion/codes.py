"""What a model's code says of the true property that the robot meets: is it encoded?"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.model import CodedGenerator, DynamicsGenerator
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.statistics import spearman
from hyperdyn.training.tasks import Task
from hyperdyn.training.windows import WindowSampler

SMOOTHING = 50
"""Steps over which codes are also averaged: a stride changes them, and so does the ground."""
EVERY = 5
"""Steps between those that count."""


@torch.no_grad()
def codes_over_episodes(model: DynamicsGenerator, episodes: Episodes, task: Task) -> dict[str, Any]:
    """Codes along recorded episodes, and how well their best direction ranks the true property.

    The best direction is the linear one: least squares from the code to the first true property,
    fitted on every second episode and read on the others, and the other way round, so no episode is
    judged by a fit to itself.

    Args:
        model: With a code.
        episodes: At least two.
        task: Knows the truth.

    Returns:
        For every episode, at every `EVERY`-th step from K on: "places" (m along the way) and
        "truth". For the "code", and for its mean over the last `SMOOTHING` steps, "smoothed":
        the "readings" of every episode, and as `rank_correlation` what they are worth.

    Raises:
        InputError: If the model has no code, or there are fewer than two episodes.
    """
    if not isinstance(model, CodedGenerator):
        raise InputError(f"A {model.kind!r} has no code; name a model with one.")
    if len(episodes) < 2:
        raise InputError(f"Got {len(episodes)} episode; one to fit and one to read are needed.")
    truths = task.truths(episodes)
    codes, places, truth = [], [], []
    for row in range(len(episodes)):
        sampler = WindowSampler(episodes[[row]], model.history_length, 1, truths[[row]])
        windows = sampler[torch.arange(len(sampler))]
        assert windows.truth is not None
        codes.append(model.encode(windows.history).double().numpy())
        places.append(windows.states[:, 0, task.progress_column].double().numpy())
        truth.append(windows.truth[:, 0].double().numpy())
    smoothed = [_trailing_mean(torch.from_numpy(code)).numpy() for code in codes]
    true = [_thin(value) for value in truth]
    found: dict[str, Any] = {
        "places": [_thin(place) for place in places],
        "truth": true,
    }
    for name, kind in (("code", codes), ("smoothed", smoothed)):
        readings = [_thin(reading) for reading in read_across(kind, truth)]
        found[name] = {"readings": readings, **rank_correlation(readings, true)}
    return found


def read_across(
    codes: Sequence[NDArray[np.float64]], truth: Sequence[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """The property as a linear fit to the episodes of the other half reads it from the codes.

    Args:
        codes: Of each episode, steps × Z.
        truth: Of each episode, one number a step.
    """
    found = []
    for half in (0, 1):
        others = range(1 - half, len(codes), 2)
        inputs = np.concatenate([_with_one(codes[row]) for row in others])
        wanted = np.concatenate([truth[row] for row in others])
        weights = np.linalg.lstsq(inputs, wanted)[0]
        found.append([_with_one(codes[row]) @ weights for row in range(half, len(codes), 2)])
    return [found[row % 2][row // 2] for row in range(len(codes))]


def rank_correlation(
    readings: Sequence[Sequence[float]],
    truth: Sequence[Sequence[float]],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Spearman's rank correlation over all steps, with a 95 % bootstrap interval over episodes.

    Each half of the episodes, which one fit has read, is ranked by itself, and the two correlations
    are averaged: a fit's mean is high where its half is, which is low for the other half. Ranked
    together, readings of a code that says nothing would speak against the truth.

    Args:
        readings: Of each episode, as `read_across` gives them.
        truth: Of each episode.
        resamples: Bootstrap samples.
        seed: Seed of the resampling.

    Returns:
        "rank" and "ci95"; None for both where the truth is the same throughout a half, as where no
        robot leaves its first segment: nothing can be ranked.
    """
    read = [np.asarray(values, dtype=np.float64) for values in readings]
    true = [np.asarray(values, dtype=np.float64) for values in truth]
    rng = np.random.default_rng(seed)
    halves = [np.arange(half, len(read), 2) for half in (0, 1) if half < len(read)]
    if any(np.ptp(np.concatenate([true[row] for row in rows])) == 0 for rows in halves):
        return {"rank": None, "ci95": None}

    def within(rows: NDArray[np.int64]) -> float:
        chosen = (np.concatenate([part[row] for row in rows]) for part in (read, true))
        return float(spearman(*chosen))

    def mean(choose: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> float:
        return float(np.mean([within(choose(rows)) for rows in halves]))

    draws = [mean(lambda rows: rng.choice(rows, len(rows))) for _ in range(resamples)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"rank": mean(lambda rows: rows), "ci95": (float(low), float(high))}


def _with_one(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([codes, np.ones((len(codes), 1))], axis=1)


def _trailing_mean(codes: Float[Tensor, "T Z"]) -> Float[Tensor, "T Z"]:
    """Mean over the last `SMOOTHING` steps, or as many as there are."""
    total = torch.cat([torch.zeros_like(codes[:1]), codes.cumsum(0)])
    stop = torch.arange(1, len(codes) + 1)
    start = (stop - SMOOTHING).clamp_min(0)
    return (total[stop] - total[start]) / (stop - start)[:, None]


def _thin(values: NDArray[np.float64]) -> Any:
    return np.round(values[::EVERY], 5).tolist()
