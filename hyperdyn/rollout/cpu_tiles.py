"""The compiled loop of the CPU rollout: all steps of a tile of candidates before the next tile.

The candidates of a tile are the SIMD lanes. Its actions are turned feature by feature once, its state
stays in cache and is updated in place, and every product accumulates in registers.
"""

import functools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import no_type_check

import numba  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from hyperdyn.rollout import cpu_intrinsics, cpu_packing, cpu_shapes, cpu_vectors
from hyperdyn.rollout.cpu_intrinsics import (
    activate,
    claim,
    copy,
    dense,
    fill,
    floats,
    load_strip,
    store_strip,
)
from hyperdyn.rollout.cpu_packing import (
    ACTION,
    ACTIVATION,
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
from hyperdyn.rollout.cpu_vectors import ADD, BYTES, NONE, SILU, STRIP, TANH

Kernel = Callable[..., int]
ALIGN = 64  # bytes of a cache line


def _source_version() -> int:
    """Checksum of the sources compiled into a kernel: numba's cache looks at one file only."""
    modules = (cpu_intrinsics, cpu_packing, cpu_shapes, cpu_vectors)
    return zlib.crc32(b"".join(Path(str(module.__file__)).read_bytes() for module in modules))


SOURCE_VERSION = _source_version()


def _define(width: int, rows: int, vectors: int, version: int) -> Kernel:
    """Write the kernel for one shape; what it closes over is part of its name in numba's cache."""
    two, half = min(vectors, 2), max(vectors // 2, 1)

    @no_type_check  # numba compiles it as it stands
    def roll(
        table: NDArray[np.int64],
        tasks: NDArray[np.int64],
        parameters: int,
        states: int,
        actions: int,
        trajectories: int,
        systems: int,
        samples: int,
        horizon: int,
    ) -> int:
        """Take tiles from `tasks` until none is left; the arguments from the third are addresses.

        Returns:
            0, or 1 without having done anything if the table was written by another version.
        """
        if table[VERSION] != version:
            return 1
        state_dim, action_dim, first = table[STATE], table[ACTION], table[FIRST]
        layers, activation = table[LAYERS], table[ACTIVATION]
        after = activation if activation < TANH else NONE
        places = table.ctypes.data + (SIZES + layers + 1) * 8
        width_all = horizon * action_dim
        lanes = width * vectors
        # One allocation: weights, actions, (state, action) rows, two layers of hidden values.
        packed_end = (packed_size(table, rows) + 15) // 16 * 16
        inner = (table[WIDEST] + rows - 1) // rows * rows * lanes
        outer = (state_dim + action_dim + rows) * lanes
        scratch = np.empty(packed_end + width_all * lanes + outer + 2 * inner + 16, np.float32)
        base = (scratch.ctypes.data + ALIGN - 1) // ALIGN * ALIGN
        skipped = (base - scratch.ctypes.data) // BYTES
        packed = scratch[skipped : skipped + packed_end]
        turned = base + packed_end * BYTES
        tile_state = turned + width_all * lanes * BYTES
        hidden = tile_state + outer * BYTES

        # Tiles differ by one vector at most: a nearly empty last one would leave registers idle.
        strips = (samples + width - 1) // width
        tiles = (strips + vectors - 1) // vectors
        full = max(tiles - (tiles * vectors - strips), 0)
        packed_system = -1
        while True:
            task = claim(tasks.ctypes.data)
            if task >= systems * tiles:
                break
            system = task // tiles
            if system != packed_system:
                weights = floats(parameters + system * table[PARAMETERS] * BYTES)
                pack(table, numba.carray(weights, (table[PARAMETERS],)), packed, rows)
                packed_system = system
            tile = task - system * tiles
            start = (tile * vectors - max(tile - full, 0)) * width
            across = min(vectors if tile < full else vectors - 1, strips - start // width)
            if tiles == 1:
                across = strips
            count = min(across * width, samples - start)
            row = across * width * BYTES
            candidate = system * samples + start

            for lane in range(0, across * width, STRIP):
                nearest = min(lane, count - 1)
                present = min(STRIP, count - nearest)
                source = actions + (candidate + nearest) * width_all * BYTES
                for column in range(0, width_all, STRIP):
                    load_strip(
                        source + column * BYTES,
                        width_all * BYTES,
                        min(STRIP, width_all - column),
                        present,
                        turned + column * row + lane * BYTES,
                        row,
                    )
            for column in range(state_dim):
                fill(
                    tile_state + table[SIZES + layers + 1 + column] * row,
                    states + (system * state_dim + column) * BYTES,
                    across * width,
                )

            for step in range(horizon + 1):
                for lane in range(0, count, STRIP):
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
                # The last layer may have filled its block into these rows: they are written after it.
                copy(
                    tile_state + state_dim * row,
                    turned + step * action_dim * row,
                    action_dim * across * width,
                )
                x = tile_state + first * row
                block = base
                if layers == 1:
                    copy(hidden, x, table[SIZES] * across * width)
                    x = hidden
                for layer in range(layers):
                    inputs, outputs = table[SIZES + layer], table[SIZES + layer + 1]
                    blocks = (outputs + rows - 1) // rows
                    last = layer == layers - 1
                    y = tile_state if last else hidden + (layer % 2) * inner * BYTES
                    then = ADD if last else after
                    if across == vectors:
                        dense(width, rows, vectors, 1, block, x, y, inputs, blocks, then)
                    elif across == 1:
                        dense(width, rows, 1, vectors, block, x, y, inputs, blocks, then)
                    else:
                        dense(width, rows, two, half, block, x, y, inputs, blocks, then)
                    if not last and activation == TANH:
                        activate(width, TANH, y, outputs * across)
                    elif not last and activation == SILU:
                        activate(width, SILU, y, outputs * across)
                    block += blocks * rows * (inputs + 1) * BYTES
                    x = y
        scratch[0] = 0.0  # kept until here: only its address is used above
        return 0

    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(roll)
    except RuntimeError:  # no folder to cache in
        return numba.njit(nogil=True, error_model="numpy")(roll)


@functools.cache
def tile_kernel(shape: cpu_shapes.Shape) -> Kernel:
    """The kernel of a shape, compiled when it is first called."""
    return _define(shape.width, shape.rows, shape.vectors, SOURCE_VERSION)
