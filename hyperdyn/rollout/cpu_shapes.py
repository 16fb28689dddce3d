"""Vector width and register block of the CPU kernel, by processor."""

import functools
from dataclasses import dataclass

from llvmlite import binding


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A block of sums that stays in registers: outputs × vectors of candidates."""

    width: int
    """Float32 numbers in a vector; a multiple of 8."""
    rows: int
    """Outputs of a block."""
    vectors: int
    """Vectors of a full tile, so that it holds vectors × width candidates."""


AVX512 = Shape(width=16, rows=8, vectors=2)  # 16 sums of 32 registers
AVX2 = Shape(width=8, rows=4, vectors=3)  # 12 sums of 16 registers
PLAIN = Shape(width=8, rows=4, vectors=1)
"""For processors not known here: LLVM breaks the vectors down to what there is."""


@functools.cache
def host_shape() -> Shape:
    """Choose for this processor."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return AVX512
    if features.get("avx2") and features.get("fma"):
        return AVX2
    return PLAIN
