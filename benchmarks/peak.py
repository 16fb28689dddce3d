"""What the machine can do: the best matrix product of torch and numpy, and its memory."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from hyperdyn.benchmarks.timing import Call

SIZES = (256, 384, 512, 768, 1024, 1536)
CUDA_SIZES = (2048, 4096, 8192)
TRIES = 7
COPIED = 1 << 26  # bytes, more than caches hold


@dataclass(frozen=True, eq=False)
class Peak:
    """The fastest float32 matrix product found."""

    library: str
    """"torch" or "numpy"."""
    size: int
    """Rows and columns of the matrices."""
    call: Call
    """The product itself, to be timed again beside everything else."""
    rates: dict[str, float]
    """Operations a second of each library at its best size."""
    bandwidth: float
    """Bytes a second of a large copy, read and written."""

    @property
    def operations(self) -> int:
        """Floating-point operations of a call."""
        return int(2 * self.size**3)


def find_peak(device: torch.device, generator: torch.Generator, *, quick: bool = False) -> Peak:
    """Try several sizes with torch and (on the CPU) with numpy, on the threads they are set to.

    Args:
        device: Where.
        generator: Source of the matrices, on the CPU.
        quick: Try one small size only, for tests.
    """
    sizes = CUDA_SIZES if device.type == "cuda" else SIZES[: 1 if quick else None]
    best: dict[str, tuple[float, int, Call]] = {}
    for size in sizes:
        for library, call in _products(size, device, generator):
            rate = 2 * size**3 / _least_seconds(call, device)
            if library not in best or rate > best[library][0]:
                best[library] = (rate, size, call)
    library = max(best, key=lambda name: best[name][0])
    _, size, call = best[library]
    source = torch.zeros(COPIED // (64 if quick else 1), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = _least_seconds(lambda: target.copy_(source), device)
    rates = {name: rate for name, (rate, _, _) in best.items()}
    return Peak(library, size, call, rates, 2 * source.numel() / copy)


def _products(
    size: int, device: torch.device, generator: torch.Generator
) -> Iterator[tuple[str, Call]]:
    a, b = torch.randn(2, size, size, generator=generator).to(device)
    out = torch.empty_like(a)
    yield "torch", lambda: torch.mm(a, b, out=out)
    if device.type == "cpu":
        left, right, into = a.numpy(), b.numpy(), np.empty((size, size), np.float32)
        yield "numpy", lambda: np.matmul(left, right, out=into)


def _least_seconds(call: Callable[[], object], device: torch.device) -> float:
    times = []
    for _ in range(TRIES):
        _wait(device)
        began = time.perf_counter()
        call()
        _wait(device)
        times.append(time.perf_counter() - began)
    return min(times)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
