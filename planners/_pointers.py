"""Numbers at an address, as arrays of compiled code.

A small plan is ruled by what a call costs: the address of a tensor is had in a tenth of the time of
an array that stands for it. Importing this module loads numba.
"""

from collections.abc import Callable
from typing import Any, no_type_check

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

Untyped = Any  # numba carries no annotations


def _pointer_to(kind: Untyped) -> Callable[..., Untyped]:
    @intrinsic  # type: ignore[untyped-decorator]
    def pointer(context: Untyped, address: Untyped) -> Untyped:
        def emit(context: Untyped, builder: ir.IRBuilder, _: Untyped, values: Untyped) -> Untyped:
            data = context.get_data_type(kind)
            return builder.inttoptr(values[0], data.as_pointer())

        return numba.types.CPointer(kind)(numba.types.int64), emit

    made: Callable[..., Untyped] = pointer
    return made


_float32 = _pointer_to(numba.types.float32)
_uint8 = _pointer_to(numba.types.uint8)


@numba.njit
@no_type_check
def floats(address: int, shape: Untyped) -> Untyped:
    """The float32 array of a shape at an address."""
    return numba.carray(_float32(address), shape, np.float32)


@numba.njit
@no_type_check
def marks(address: int, shape: Untyped) -> Untyped:
    """The array of one-byte truth values of a shape at an address."""
    return numba.carray(_uint8(address), shape, np.uint8)


@intrinsic  # type: ignore[untyped-decorator]
def call(context: Untyped, address: Untyped, arguments: Untyped) -> Untyped:
    """Call machine code int64(int64, …) in numba's convention; a status of its own is lost."""

    def emit(context: Untyped, builder: ir.IRBuilder, _: Untyped, values: Untyped) -> Untyped:
        integer, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
        given = cgutils.unpack_tuple(builder, values[1])
        result = cgutils.alloca_once(builder, integer)
        error = cgutils.alloca_once(builder, pointer)
        kind = ir.FunctionType(ir.IntType(32), [result.type, error.type, *(integer for _ in given)])
        code = builder.inttoptr(values[0], kind.as_pointer())
        builder.call(code, [result, error, *given])
        return builder.load(result)

    return numba.types.int64(numba.types.int64, arguments), emit
