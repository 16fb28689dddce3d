"""How long a model is wrong after a change, and whether it gets right again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from hyperdyn.errors import InputError

LEVEL = 100
"""Steps that a level is measured over: the last before the change, and the last of all."""
SMOOTHED = 9
"""Steps of the running median."""
FELT = 2.0
"""Times as far above the level before as anything there, for a peak to be due to the change."""
MARGIN = 0.1
"""Share of the rise above the level after it that may be left."""
LEAST = 1e-12
"""What an error counts as that is smaller."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LagSummary:
    """What a change of the hidden property did to a model's error.

    The curve is the geometric mean of the errors over episodes at each step: where feet strike the
    ground they are orders of magnitude larger, and a few such steps would be all that a mean shows.
    Smoothed, it is the running median of nine steps, which keeps edges where they are. Rises are
    measured in its logarithm.
    """

    before: float
    """Level before, in units of the errors: the median of the curve's last 100 steps before the
    change."""
    peak: float
    """Highest smoothed error from the change until the last 100 steps."""
    after: float
    """Level after: the median of the curve's last 100 steps."""
    ratio: float
    """`after` / `before`: 1 where the error is again what it was."""
    ratio_ci95: tuple[float, float]
    """95 % bootstrap interval over episodes."""
    lag: int | None
    """Steps from the change until the smoothed error, past its peak, is down to its level after:
    within a tenth of the rise above it, or within its range of the last 100 steps (95 % of them).
    0 where the change is not felt: where the peak is not twice as far above `before` as the highest
    of the 100 steps before. None where the error never comes back: where it settles as high as it
    got, or more than half of the rise above `before` stays."""
    lag_ci95: tuple[int | None, int | None]
    """95 % bootstrap interval over episodes; None for never."""
    back: float
    """Share of the bootstrap samples in which it comes back."""
    episodes: int
    """Episodes in all groups."""


def lag(
    groups: Sequence[Float[Tensor, "_ T"]],
    change_step: int,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> LagSummary:
    """Measure how a model's error rises after a change and comes down again.

    Args:
        groups: Errors of `adaptation_errors`, one group a training seed; the bootstrap draws
            episodes within each.
        change_step: The column of the first step under new properties.
        resamples: Bootstrap samples.
        seed: Of the resampling.

    Raises:
        InputError: If a group is empty, or there are fewer than 100 steps before the change or not
            more than 100 from it on.
    """
    logs = _logarithms(groups)
    steps = logs[0].shape[1] - change_step
    if change_step < LEVEL or steps <= LEVEL:
        raise InputError(
            f"The errors have {change_step} steps before the change and {steps} from it on; give "
            f"at least {LEVEL} and more than {LEVEL}."
        )
    before, peak, after, found = _measured(_mean(logs)[None], change_step)[:, 0].tolist()
    drawn = _measured(_bootstrap(logs, resamples, seed), change_step)
    # No interpolation: between a number and never there is nothing.
    low, high = np.percentile(drawn[3], [2.5, 97.5], method="nearest")
    ratios = np.exp(np.percentile(drawn[2] - drawn[0], [2.5, 97.5]))
    return LagSummary(
        before=float(np.exp(before)),
        peak=float(np.exp(peak)),
        after=float(np.exp(after)),
        ratio=float(np.exp(after - before)),
        ratio_ci95=(float(ratios[0]), float(ratios[1])),
        lag=_steps(found),
        lag_ci95=(_steps(low), _steps(high)),
        back=float(np.isfinite(drawn[3]).mean()),
        episodes=sum(len(group) for group in groups),
    )


def curve(
    groups: Sequence[Float[Tensor, "_ T"]], *, resamples: int = 2000, seed: int = 0
) -> tuple[Numbers, Numbers, Numbers]:
    """The smoothed curve of `lag`, and the ends of its 95 % bootstrap interval at each step.

    Args:
        groups: As `lag`.
        resamples: Bootstrap samples.
        seed: Of the resampling.

    Raises:
        InputError: If a group is empty.
    """
    logs = _logarithms(groups)
    low, high = np.percentile(_smooth(_bootstrap(logs, resamples, seed)), [2.5, 97.5], axis=0)
    return np.exp(_smooth(_mean(logs)[None])[0]), np.exp(low), np.exp(high)


def _logarithms(groups: Sequence[Tensor]) -> list[Numbers]:
    if not groups or min(len(group) for group in groups) == 0:
        raise InputError("A lag needs the errors of at least one episode in every group.")
    return [group.double().clamp_min(LEAST).log().cpu().numpy() for group in groups]


def _mean(logs: list[Numbers]) -> Numbers:
    return np.asarray(np.concatenate(logs).mean(axis=0))


def _bootstrap(logs: list[Numbers], resamples: int, seed: int) -> Numbers:
    """Mean over episodes of every sample, each group drawn within itself."""
    rng = np.random.default_rng(seed)
    total = sum(len(group) for group in logs)
    counts = [
        rng.multinomial(len(group), np.full(len(group), 1 / len(group)), size=resamples)
        for group in logs
    ]
    means: Numbers = np.concatenate(counts, axis=1) @ np.concatenate(logs) / total
    return means


def _smooth(curves: Numbers) -> Numbers:
    """Running median of each row."""
    return np.asarray(ndimage.median_filter(curves, size=(1, SMOOTHED), mode="nearest"))


def _measured(curves: Numbers, change: int) -> Numbers:
    """Level before, peak, level after and lag of each row; an infinite lag: never."""
    smooth = _smooth(curves)
    before = np.median(curves[:, change - LEVEL : change], axis=1)
    after = np.median(curves[:, -LEVEL:], axis=1)
    risen, settled = smooth[:, change:-LEVEL], smooth[:, -LEVEL:]
    peak, top = risen.max(axis=1), risen.argmax(axis=1)
    threshold = np.maximum(after + MARGIN * (peak - after), np.quantile(settled, 0.95, axis=1))
    steps = np.arange(smooth.shape[1] - change)
    down = (smooth[:, change:] <= threshold[:, None]) & (steps >= top[:, None])
    found = np.where(down.any(axis=1), down.argmax(axis=1), np.inf)
    stays = (peak <= settled.max(axis=1)) | (after - before > (peak - before) / 2)
    usual = smooth[:, change - LEVEL : change].max(axis=1) - before
    unfelt = peak - before <= FELT * usual
    return np.stack([before, peak, after, np.where(unfelt, 0.0, np.where(stays, np.inf, found))])


def _steps(found: float) -> int | None:
    return int(found) if np.isfinite(found) else None
