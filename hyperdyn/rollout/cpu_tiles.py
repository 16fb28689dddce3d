"""The compiled loop of the CPU rollout: all steps of a tile of candidates before the next tile.

The candidates of a tile are the SIMD lanes. Its actions are turned feature by feature once, its
state stays in cache and is updated in place, and every product accumulates in registers.
"""

import functools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import no_type_check

import numba
import numpy as np

from hyperdyn.rollout import (
    cpu_activations,
    cpu_dense,
    cpu_intrinsics,
    cpu_packing,
    cpu_shapes,
    cpu_strips,
    cpu_terms,
    cpu_vectors,
)
from hyperdyn.rollout.cpu_activations import SILU, TANH
from hyperdyn.rollout.cpu_dense import ADD, KEEP, LEAKY_RELU, RELU
from hyperdyn.rollout.cpu_intrinsics import (
    activate,
    claim,
    copy,
    dense,
    fill,
    floats,
    integers,
    load_strip,
    store_strip,
)
from hyperdyn.rollout.cpu_packing import (
    ACTION,
    ACTIVATION,
    ACTIVATION_CODES,
    FIRST,
    LAYERS,
    PARAMETERS,
    SIZES,
    STATE,
    VERSION,
    WIDEST,
    pack,
    packed_size,
)
from hyperdyn.rollout.cpu_shapes import Shape
from hyperdyn.rollout.cpu_terms import add_action_terms, add_state_terms, finish
from hyperdyn.rollout.cpu_vectors import BYTES, STRIP

Kernel = Callable[..., int]
LINE = 64  # bytes of a cache line
ARGUMENTS = 13  # of a kernel, all int64
MOST = 3  # vectors of the largest tile
IS_RELU, IS_LEAKY_RELU, IS_TANH, IS_SILU = (
    ACTIVATION_CODES[name] for name in ("relu", "leaky_relu", "tanh", "silu")
)


def _source_version() -> int:
    """Checksum of the sources compiled into a kernel: numba's cache looks at this file only."""
    modules = (
        cpu_activations,
        cpu_dense,
        cpu_intrinsics,
        cpu_packing,
        cpu_shapes,
        cpu_strips,
        cpu_terms,
        cpu_vectors,
    )
    return zlib.crc32(b"".join(Path(str(module.__file__)).read_bytes() for module in modules))


SOURCE_VERSION = _source_version()


@functools.cache
def tile_kernel(shape: Shape) -> Kernel:
    """The kernel of a shape, compiled when it is first called."""
    kernel = _define(shape.width, shape.rows, SOURCE_VERSION)
    options = {"nogil": True, "error_model": "numpy"}
    try:
        compiled: Kernel = numba.njit(cache=True, **options)(kernel)
    except RuntimeError:  # there is no folder to cache in
        compiled = numba.njit(**options)(kernel)
    return compiled


def native_code(kernel: Kernel) -> int:
    """Address of a kernel's machine code, for compiled code to call (numba's convention)."""
    signature = (numba.types.int64,) * ARGUMENTS
    kernel.compile(signature)  # type: ignore[attr-defined]
    made = kernel.overloads[signature]  # type: ignore[attr-defined]
    address: int = made.library.get_pointer_to_function(made.fndesc.llvm_func_name)
    return address


def _define(width: int, rows: int, version: int) -> Kernel:
    """Write the kernel for one shape; what it closes over is part of its key in numba's cache."""

    @no_type_check  # numba compiles it as it stands
    def roll(
        tasks: int,
        table_at: int,
        codes_at: int,
        numbers_at: int,
        parameters: int,
        states: int,
        actions: int,
        trajectories: int,
        returns: int,
        violations: int,
        systems: int,
        samples: int,
        horizon: int,
    ) -> int:
        """Take tiles from `tasks` until none is left.

        Args:
            tasks: Address of one int64 shared by all threads: the tiles already taken.
            table_at: Of the network and its state space, see `cpu_packing.kernel_table`.
            codes_at: Of an objective's codes, see `hyperdyn.terms.TermTable`.
            numbers_at: Of its numbers.
            parameters: Address of [E, P] float32 numbers.
            states: Address of [E, S].
            actions: Address of [E, N, H, A].
            trajectories: Address of [E, N, H + 1, S], which are written; 0: they are not.
            returns: Address of [E, N] sums of the objective's terms, which are written; 0: not.
            violations: Address of [E, N] sums of its hard terms, which are written too; 0: not.
            systems: E.
            samples: N.
            horizon: H.

        Returns:
            0, or 1 without having done anything if the table was written by another version.
        """
        table, codes, numbers = integers(table_at), integers(codes_at), floats(numbers_at)
        if table[VERSION] != version:
            return 1
        state_dim, action_dim, first = table[STATE], table[ACTION], table[FIRST]
        layers, activation = table[LAYERS], table[ACTIVATION]
        places = table_at + (SIZES + layers + 1 + state_dim) * 8
        rows_of_columns = integers(places)
        after = KEEP
        if activation == IS_RELU:
            after = RELU
        elif activation == IS_LEAKY_RELU:
            after = LEAKY_RELU
        sequence = horizon * action_dim  # numbers in the actions of a candidate

        # One allocation: weights, actions, (state, action) rows, two layers of hidden values, sums.
        lanes = MOST * width
        packed_end = (packed_size(table, rows) + 15) // 16 * 16
        outer = (state_dim + action_dim + rows) * lanes
        inner = (table[WIDEST] + rows - 1) // rows * rows * lanes
        scratch_size = packed_end + sequence * lanes + outer + 2 * inner + 2 * lanes + 16
        scratch = np.empty(scratch_size, np.float32)
        packed = (scratch.ctypes.data + LINE - 1) // LINE * LINE
        turned = packed + packed_end * BYTES
        tile_state = turned + sequence * lanes * BYTES
        hidden = tile_state + outer * BYTES
        sums = hidden + 2 * inner * BYTES
        excess = sums + lanes * BYTES

        # Tiles have two vectors, the last one to three: one alone would leave registers idle.
        strips = (samples + width - 1) // width
        tiles = max(strips // 2, min(strips, 1))
        packed_system = -1
        while True:
            task = claim(tasks)
            if task >= systems * tiles:
                break
            system = task // tiles
            tile = task - system * tiles
            if system != packed_system:
                pack(table, parameters + system * table[PARAMETERS] * BYTES, packed, rows)
                packed_system = system
            vectors = 2 if tile < tiles - 1 else strips - 2 * tile
            start = 2 * tile * width
            count = min(vectors * width, samples - start)
            row = vectors * width * BYTES
            candidate = system * samples + start

            for lane in range(0, vectors * width, STRIP):
                nearest = min(lane, count - 1)
                source = actions + (candidate + nearest) * sequence * BYTES
                for column in range(0, sequence, STRIP):
                    load_strip(
                        source + column * BYTES,
                        sequence * BYTES,
                        min(STRIP, sequence - column),
                        min(STRIP, count - nearest),
                        turned + column * row + lane * BYTES,
                        row,
                    )
            for place in range(state_dim):
                column = table[SIZES + layers + 1 + place]
                number = states + (system * state_dim + column) * BYTES
                fill(tile_state + place * row, number, vectors * width)

            on_the_way = False
            if returns != 0:
                for lane in range(2 * lanes):
                    floats(sums)[lane] = 0.0
                on_the_way = add_action_terms(
                    codes, numbers, turned, action_dim, horizon, vectors * width, sums, excess
                )

            for step in range(horizon + 1):
                if on_the_way and step > 0:
                    add_state_terms(
                        codes,
                        numbers,
                        rows_of_columns,
                        tile_state,
                        vectors * width,
                        sums,
                        excess,
                    )
                for lane in range(0, count if trajectories != 0 else 0, STRIP):
                    moment = (candidate + lane) * (horizon + 1) + step
                    for column in range(0, state_dim, STRIP):
                        store_strip(
                            tile_state + lane * BYTES,
                            row,
                            places + column * 8,
                            min(STRIP, state_dim - column),
                            min(STRIP, count - lane),
                            trajectories + (moment * state_dim + column) * BYTES,
                            (horizon + 1) * state_dim * BYTES,
                        )
                if step == horizon:
                    break
                # Only now: the last block of the step before may have reached into these rows.
                copy(
                    tile_state + state_dim * row,
                    turned + step * action_dim * row,
                    action_dim * vectors * width,
                )
                x = tile_state + first * row
                if layers == 1:  # x and y must not overlap
                    copy(hidden, x, table[SIZES] * vectors * width)
                    x = hidden
                weights = packed
                for layer in range(layers):
                    inputs, outputs = table[SIZES + layer], table[SIZES + layer + 1]
                    blocks = (outputs + rows - 1) // rows
                    last = layer == layers - 1
                    y = tile_state if last else hidden + (layer % 2) * inner * BYTES
                    then = ADD if last else after
                    if vectors == 2:
                        dense(width, rows, 2, weights, x, y, inputs, blocks, then)
                    elif vectors == 3:
                        dense(width, rows, 3, weights, x, y, inputs, blocks, then)
                    else:
                        dense(width, rows, 1, weights, x, y, inputs, blocks, then)
                    if not last and activation == IS_TANH:
                        activate(width, TANH, y, outputs * vectors)
                    elif not last and activation == IS_SILU:
                        activate(width, SILU, y, outputs * vectors)
                    weights += blocks * rows * (inputs + 1) * BYTES
                    x = y

            if returns != 0:
                start_at = states + system * state_dim * BYTES
                finish(
                    codes,
                    numbers,
                    rows_of_columns,
                    tile_state,
                    start_at,
                    state_dim,
                    vectors * width,
                    sums,
                    excess,
                )
                for lane in range(count):
                    floats(returns)[candidate + lane] = floats(sums)[lane]
                if violations != 0:
                    for lane in range(count):
                        floats(violations)[candidate + lane] = floats(excess)[lane]
        scratch[0] = 0.0  # it must live until here: only its address is used above
        return 0

    kernel: Kernel = roll
    return kernel
