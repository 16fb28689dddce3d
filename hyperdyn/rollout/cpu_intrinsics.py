"""The vector code as functions that numba code can call; addresses are integers."""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from hyperdyn.rollout import cpu_activations, cpu_dense, cpu_strips
from hyperdyn.rollout.cpu_vectors import INT

Untyped = Any  # numba carries no annotations
Typed = tuple[Untyped, Callable[..., Untyped]]


def _calling(
    literals: int, integers: int, write: Callable[..., ir.Function]
) -> Callable[..., Typed]:
    """Typing of a function that writes a vector function and calls it.

    The first arguments are literals, and choose what is written; the others are passed on.
    """

    def typed(*arguments: Untyped) -> Typed:
        shape = [argument.literal_value for argument in arguments[:literals]]

        def emit(context: Untyped, builder: ir.IRBuilder, _: Untyped, values: Untyped) -> Untyped:
            builder.call(write(builder.module, *shape), values[literals:])
            return context.get_dummy_value()

        return types.void(*arguments[:literals], *[types.int64] * integers), emit

    return typed


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def dense(
    context: Untyped,
    width: Untyped,
    rows: Untyped,
    vectors: Untyped,
    weights: Untyped,
    x: Untyped,
    y: Untyped,
    inputs: Untyped,
    blocks: Untyped,
    after: Untyped,
) -> Typed:
    """Y ← after(W x + b); see `cpu_dense.dense_layer`."""
    return _calling(3, 6, cpu_dense.dense_layer)(
        width, rows, vectors, weights, x, y, inputs, blocks, after
    )


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def activate(
    context: Untyped, width: Untyped, kind: Untyped, address: Untyped, count: Untyped
) -> Typed:
    """Apply an activation in place; see `cpu_activations.activation_pass`."""
    return _calling(2, 2, cpu_activations.activation_pass)(width, kind, address, count)


@intrinsic  # type: ignore[untyped-decorator]
def load_strip(
    context: Untyped,
    source: Untyped,
    stride: Untyped,
    columns: Untyped,
    candidates: Untyped,
    target: Untyped,
    row_bytes: Untyped,
) -> Typed:
    """Bring candidates into a tile; see `cpu_strips.load_strip`."""
    return _calling(0, 6, cpu_strips.load_strip)()


@intrinsic  # type: ignore[untyped-decorator]
def store_strip(
    context: Untyped,
    tile: Untyped,
    row_bytes: Untyped,
    places: Untyped,
    columns: Untyped,
    candidates: Untyped,
    target: Untyped,
    stride: Untyped,
) -> Typed:
    """Write candidates out of a tile; see `cpu_strips.store_strip`."""
    return _calling(0, 7, cpu_strips.store_strip)()


@intrinsic  # type: ignore[untyped-decorator]
def copy(context: Untyped, target: Untyped, source: Untyped, count: Untyped) -> Typed:
    """Copy `count` float32 numbers."""
    return _calling(0, 3, cpu_strips.copy)()


@intrinsic  # type: ignore[untyped-decorator]
def fill(context: Untyped, target: Untyped, source: Untyped, count: Untyped) -> Typed:
    """Write the float32 number at an address `count` times."""
    return _calling(0, 3, cpu_strips.fill)()


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def interleave(
    context: Untyped, rows: Untyped, sources: Untyped, target: Untyped, count: Untyped
) -> Typed:
    """Write stretches of numbers side by side; see `cpu_strips.interleave`."""
    return _calling(1, 3, cpu_strips.interleave)(rows, sources, target, count)


@intrinsic  # type: ignore[untyped-decorator]
def floats(context: Untyped, address: Untyped) -> Typed:
    """The float32 numbers at an address."""

    def emit(context: Untyped, builder: ir.IRBuilder, _: Untyped, values: Untyped) -> Untyped:
        return builder.inttoptr(values[0], ir.FloatType().as_pointer())

    return numba.types.CPointer(types.float32)(types.int64), emit


@intrinsic  # type: ignore[untyped-decorator]
def integers(context: Untyped, address: Untyped) -> Typed:
    """The int64 numbers at an address."""

    def emit(context: Untyped, builder: ir.IRBuilder, _: Untyped, values: Untyped) -> Untyped:
        return builder.inttoptr(values[0], INT.as_pointer())

    return numba.types.CPointer(types.int64)(types.int64), emit


@intrinsic  # type: ignore[untyped-decorator]
def claim(context: Untyped, address: Untyped) -> Typed:
    """Take the next task: add one to a shared int64 and return what it was."""

    def emit(context: Untyped, builder: ir.IRBuilder, _: Untyped, values: Untyped) -> Untyped:
        pointer = builder.inttoptr(values[0], INT.as_pointer())
        return builder.atomic_rmw("add", pointer, INT(1), "monotonic")

    return types.int64(types.int64), emit
