"""A layer of the network between two of a ring, as vector code: the outputs are the lanes."""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.core import types
from numba.core.cgutils import for_range_slice
from numba.extending import intrinsic

from hyperdyn.rollout.cpu_activations import leaky_relu, relu
from hyperdyn.rollout.cpu_vectors import BYTES, FLOAT, INT, define, load, multiply_add, splat, store

KEEP, RELU, LEAKY_RELU = range(3)  # what is done with the sums
NEAREST = 2  # networks between which one lies
TOGETHER = (4, 2, 1)  # vectors of outputs summed at a time, as many as there are; × 2 networks

Untyped = Any  # numba carries no annotations


def between_layer(module: ir.Module, width: int) -> ir.Function:
    """Write y ← after(Σ cᵣ (bᵣ + Wᵣ x)): f(first, second, shares, x, y, inputs, vectors, after).

    Each of the two networks lies at an address of its own: the biases of all outputs, then the
    weights of all outputs for each input, a whole number of vectors each. `shares` is the address
    of the two cᵣ, and `after` says what is done with the sums.
    """
    vector = ir.VectorType(FLOAT, width)

    def sum_vectors(builder: ir.IRBuilder, place: ir.Value, count: int) -> None:
        """Compute `count` vectors of outputs, `place` bytes from the first on."""
        *networks, shares, x, y, inputs, vectors, after = builder.function.args
        bases = [builder.add(network, place) for network in networks]
        row = builder.mul(vectors, INT(width * BYTES))
        sums = [
            load(builder, base, v * width * BYTES, vector) for base in bases for v in range(count)
        ]
        before = builder.block
        body, done = (builder.function.append_basic_block(name) for name in ("products", "summed"))
        builder.branch(body)

        builder.position_at_end(body)
        k, weights = builder.phi(INT), builder.phi(INT)
        running = [builder.phi(vector) for _ in sums]
        number = load(builder, x, builder.mul(k, INT(BYTES)), FLOAT)
        value = splat(builder, number, width)
        totals = []
        for index, base in enumerate(bases):
            for v in range(count):
                weight = load(builder, builder.add(base, weights), v * width * BYTES, vector)
                totals.append(multiply_add(builder, weight, value, running[index * count + v]))
        following, weights_after = builder.add(k, INT(1)), builder.add(weights, row)
        builder.cbranch(builder.icmp_signed("<", following, inputs), body, done)
        for phi, old, new in (
            (k, INT(0), following),
            (weights, row, weights_after),
            *zip(running, sums, totals, strict=True),
        ):
            phi.add_incoming(old, before)
            phi.add_incoming(new, body)

        builder.position_at_end(done)
        mixed: list[ir.Value] = []
        for index in range(len(bases)):
            share = splat(builder, load(builder, shares, index * BYTES, FLOAT), width)
            for v in range(count):
                total = totals[index * count + v]
                if index == 0:
                    mixed.append(builder.fmul(share, total))
                else:
                    mixed[v] = multiply_add(builder, share, total, mixed[v])
        finish(builder, builder.add(y, place), after, mixed)

    def finish(
        builder: ir.IRBuilder, target: ir.Value, after: ir.Value, sums: list[ir.Value]
    ) -> None:
        """Store the sums the way `after` says."""
        end = builder.function.append_basic_block("stored")
        switch = builder.switch(after, end)
        for choice in (KEEP, RELU, LEAKY_RELU):
            case = builder.function.append_basic_block("store")
            switch.add_case(INT(choice), case)
            builder.position_at_end(case)
            for index, value in enumerate(sums):
                if choice == RELU:
                    value = relu(builder, value)
                elif choice == LEAKY_RELU:
                    value = leaky_relu(builder, value)
                store(builder, value, target, index * width * BYTES)
            builder.branch(end)
        builder.position_at_end(end)

    def emit(builder: ir.IRBuilder) -> None:
        vectors, start = builder.function.args[-2], INT(0)
        for count in TOGETHER:
            stop = builder.sub(vectors, builder.srem(vectors, INT(count)))
            with for_range_slice(builder, start, stop, INT(count), INT) as (first, _):
                sum_vectors(builder, builder.mul(first, INT(width * BYTES)), count)
            start = stop

    return define(module, f"between_{width}", 8, emit)


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def between(
    context: Untyped,
    width: Untyped,
    first: Untyped,
    second: Untyped,
    shares: Untyped,
    x: Untyped,
    y: Untyped,
    inputs: Untyped,
    vectors: Untyped,
    after: Untyped,
) -> tuple[Untyped, Callable[..., Untyped]]:
    """Y ← after(Σ cᵣ (bᵣ + Wᵣ x)); see `between_layer`."""
    lanes = width.literal_value

    def emit(context: Untyped, builder: ir.IRBuilder, _: Untyped, values: Untyped) -> Untyped:
        builder.call(between_layer(builder.module, lanes), values[1:])
        return context.get_dummy_value()

    return numba.types.void(width, *[types.int64] * 8), emit
