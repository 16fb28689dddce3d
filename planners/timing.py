"""How long plans took: whether a controller keeps up with its system."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What a controller's plans cost, in seconds; zeros before the first."""

    plans: int
    """Plans made."""
    missed: int
    """Those that took longer than the deadline; 0 without one."""
    cut: int
    """Those that left out rounds to keep it."""
    median: float
    """Half of the plans took no longer."""
    p95: float
    """95 of 100 plans took no longer."""
    longest: float
    """The slowest plan."""
    jitter: float
    """Standard deviation of the plans' times."""

    @classmethod
    def of(cls, elapsed: Sequence[float], *, deadline: float | None, cut: int) -> "Timing":
        """Summarise plans.

        Args:
            elapsed: Seconds each plan took.
            deadline: What they were allowed; None: any time.
            cut: How many left out rounds.
        """
        times = np.asarray(elapsed, dtype=np.float64)
        if not len(times):
            return cls(plans=0, missed=0, cut=0, median=0.0, p95=0.0, longest=0.0, jitter=0.0)
        return cls(
            plans=len(times),
            missed=0 if deadline is None else int((times > deadline).sum()),
            cut=cut,
            median=float(np.median(times)),
            p95=float(np.quantile(times, 0.95)),
            longest=float(times.max()),
            jitter=float(times.std()),
        )
