"""Numbers too small for full precision, which processors are slow with: counted as zero."""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def denormals_flushed() -> Iterator[None]:
    """Count float32 numbers below 1.2e-38 as zero in this thread; the setting found is given back.

    Adam's averages of a weight that gets no gradient any more, such as one behind a rectifier that
    is always off, shrink by a constant factor a step. After some 900 steps they are denormal, and
    rounding keeps them there for good; arithmetic with them takes many times as long.
    """
    before = _flushed()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _flushed() -> bool:
    """Whether they are now: torch has no way to ask."""
    smallest = torch.tensor(torch.finfo(torch.float32).tiny)
    return (smallest / 2).item() == 0.0
