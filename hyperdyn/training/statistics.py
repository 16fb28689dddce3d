"""The statistics reports use: interquartile mean and bootstrap intervals."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hyperdyn.errors import InputError


def interquartile_mean(values: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """Mean of the middle half (Agarwal et al., 2021)."""
    means: NDArray[np.float64] = np.asarray(stats.trim_mean(values, 0.25, axis=axis))
    return means


def mean(values: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """Mean, for what papers report as one: errors, shares of successes."""
    means: NDArray[np.float64] = np.mean(values, axis=axis)
    return means


def spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's rank correlation along the last axis; 0 where all values are equal."""
    ranks = (stats.rankdata(values, axis=-1) for values in (one, other))
    first, second = (rank - rank.mean(-1, keepdims=True) for rank in ranks)
    spread = np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    # What is equal ranks nothing.
    return np.asarray((first * second).sum(-1) / np.where(spread > 0, spread, 1.0))


def interval(
    strata: Sequence[Sequence[float]],
    *,
    statistic: Callable[..., NDArray[np.float64]] = interquartile_mean,
    resamples: int = 5000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % stratified bootstrap interval of a statistic of all values.

    Args:
        strata: Groups (training seeds, sides of a split) resampled each within itself.
        statistic: `interquartile_mean` or `mean`.
        resamples: Bootstrap samples.
        seed: Seed of the resampling.

    Returns:
        Lower and upper end (percentile method).

    Raises:
        InputError: If a group is empty.
    """
    if not strata or min(len(group) for group in strata) == 0:
        raise InputError("An interval needs at least one value in every group.")
    rng = np.random.default_rng(seed)
    draws = [
        np.asarray(group, dtype=np.float64)[rng.integers(len(group), size=(resamples, len(group)))]
        for group in strata
    ]
    means = statistic(np.concatenate(draws, axis=1), axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
