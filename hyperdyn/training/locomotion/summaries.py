"""Rows of the locomotion tables, from the numbers of single episodes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperdyn.training.statistics import interquartile_mean, interval, mean

Statistic = Callable[..., NDArray[np.float64]]
Strata = Mapping[tuple[int, str], Sequence[float]]
"""One number an episode, by training seed and split."""


def returns_row(strata: Strata) -> dict[str, Any]:
    """Returns of a model: of all seeds and sides together, and of each seed.

    The interval is the 95 % bootstrap interval of the interquartile mean, each seed and side
    resampled within itself.
    """
    row = _row(strata, interquartile_mean)
    values = _values(strata)
    return {
        "iqm": row.pop("value"),
        "ci95": row.pop("ci95"),
        "mean": float(values.mean()),
        **row,
        "returns": values.tolist(),
    }


def means_row(strata: Strata, unit: float) -> dict[str, Any]:
    """Of a model what is averaged plainly, as the paper does with errors.

    Args:
        strata: In plain units.
        unit: What the table counts in.
    """
    counted = {key: [value / unit for value in part] for key, part in strata.items()}
    row = _row(counted, mean)
    return {"mean": row.pop("value"), "iqm": _whole(counted), **row}


def ratio_row(
    over: Strata, under: Strata, *, resamples: int = 5000, seed: int = 0
) -> dict[str, Any]:
    """Ratio of two interquartile means over the same episodes, with a 95 % bootstrap interval.

    Both met the same systems, so an episode is drawn for both at once, each seed and side within
    itself. Where the lower one may be zero or less, the interval is open above (None).

    Args:
        over: The one that is divided.
        under: The other, of the same seeds, splits and episodes.
        resamples: Bootstrap samples.
        seed: Seed of the resampling.
    """
    above, below = _paired(over, under, interquartile_mean, resamples, seed)
    positive = below > 0
    ratios = np.where(positive, above / np.where(positive, below, 1.0), np.inf)
    low, high = np.percentile(ratios, [2.5, 97.5], method="nearest")
    whole, unit = _whole(over), _whole(under)
    if unit <= 0:
        return {"ratio": None, "ci95": None}
    return {"ratio": whole / unit, "ci95": (float(low), float(high) if np.isfinite(high) else None)}


def lead_row(
    ours: Strata,
    theirs: Strata,
    statistic: Statistic = interquartile_mean,
    *,
    resamples: int = 5000,
    seed: int = 0,
) -> dict[str, Any] | None:
    """By how much our statistic is above theirs, over the systems that both met.

    That is narrower than the two intervals tell: what a system allows, it allows both. Episodes are
    drawn as in `ratio_row`.

    Args:
        ours: Of the generator.
        theirs: Of another model; of their training seeds those count that both have.
        statistic: Of all episodes together.
        resamples: Bootstrap samples.
        seed: Seed of the resampling.

    Returns:
        The difference, its interval and the seeds; None where no seed is shared.
    """
    shared = [key for key in ours if key in theirs]
    if not shared:
        return None
    over, under = ({key: by[key] for key in shared} for by in (ours, theirs))
    above, below = _paired(over, under, statistic, resamples, seed)
    low, high = np.percentile(above - below, [2.5, 97.5])
    return {
        "difference": _single(statistic, _values(over)) - _single(statistic, _values(under)),
        "ci95": (float(low), float(high)),
        "seeds": list(dict.fromkeys(seed for seed, _ in shared)),
    }


def _paired(
    over: Strata, under: Strata, statistic: Statistic, resamples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bootstrap samples of a statistic of two; an episode is drawn for both at once."""
    rng = np.random.default_rng(seed)
    draws: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]] = ([], [])
    for key, values in over.items():
        rows = rng.integers(len(values), size=(resamples, len(values)))
        for part, found in zip((values, under[key]), draws, strict=True):
            found.append(np.asarray(part, dtype=np.float64)[rows])
    above, below = (statistic(np.concatenate(part, axis=1), axis=1) for part in draws)
    return above, below


def _whole(strata: Strata) -> float:
    return float(interquartile_mean(_values(strata)))


def _values(strata: Strata) -> NDArray[np.float64]:
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in strata.values()])


def _row(strata: Strata, statistic: Statistic) -> dict[str, Any]:
    """The statistic over all, its interval, and each seed's own."""
    by_seed: dict[int, list[float]] = {}
    for (seed, _), values in strata.items():
        by_seed.setdefault(seed, []).extend(values)
    everything = _values(strata)
    return {
        "value": _single(statistic, everything),
        "ci95": interval([list(part) for part in strata.values()], statistic=statistic),
        "std": float(everything.std(ddof=1)) if len(everything) > 1 else None,
        "episodes": len(everything),
        "seeds": list(by_seed),
        "by_seed": [_single(statistic, np.asarray(part)) for part in by_seed.values()],
    }


def _single(statistic: Statistic, values: NDArray[np.float64]) -> float:
    return float(statistic(values[None], axis=1)[0])
