"""The clock of one plan: how long it has run, and whether there is time for another round."""

import time

import torch
from torch import Tensor

DEADLINE_MARGIN = 1.2
"""A round starts only if 1.2 times the slowest round so far still ends before the deadline."""


FORGETTING = 0.9
"""Share of its slowest round that a plan hands on to the next: a hiccup counts for a while."""


class Clock:
    """Measures rounds on the device of a tensor, against a deadline in seconds (None: none).

    Args:
        like: A tensor on the device.
        deadline: Seconds the plan may take.
        expected: Seconds that a round may take as far as earlier plans tell; 0: nothing is known.
    """

    def __init__(self, like: Tensor, deadline: float | None, expected: float = 0.0) -> None:
        self._like, self._deadline = like, deadline
        self._began = _now(like)
        self.slowest = FORGETTING * expected
        """Seconds of the slowest round, or of what earlier plans say of it if that is more."""
        self.elapsed = 0.0
        """Seconds from the beginning to the end of the last lap."""

    def lap(self) -> None:
        """A round ends."""
        so_far = _now(self._like) - self._began
        self.slowest = max(self.slowest, so_far - self.elapsed)
        self.elapsed = so_far

    def allows_another(self) -> bool:
        """Whether a round like the slowest so far would end in time."""
        if self._deadline is None:
            return True
        return self.elapsed + DEADLINE_MARGIN * self.slowest <= self._deadline

    def goes_on(self) -> bool:
        """End a lap, and tell whether there is time for another."""
        self.lap()
        return self.allows_another()

    @property
    def overran(self) -> bool:
        """Whether the deadline had passed at the end of the last lap."""
        return self._deadline is not None and self.elapsed > self._deadline


def _now(like: Tensor) -> float:
    """Seconds on a steady clock, once the device has done what it was asked."""
    if like.is_cuda:
        torch.cuda.synchronize(like.device)
    return time.perf_counter()
