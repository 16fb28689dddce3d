"""Vector width and register block of the CPU kernel, by processor."""

import functools
from dataclasses import dataclass

from llvmlite import binding


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the kernel keeps in registers: blocks of outputs × vectors of candidates."""

    width: int
    """Float32 numbers in a vector; a multiple of 8."""
    rows: int
    """Outputs of a block, 4 or 8."""


WIDE = Shape(width=16, rows=8)  # AVX-512: 32 registers
PLAIN = Shape(width=8, rows=4)  # AVX2, and any other: LLVM breaks the vectors down to what there is


@functools.cache
def host_shape() -> Shape:
    """Choose for this processor."""
    return WIDE if binding.get_host_cpu_features().get("avx512f") else PLAIN
