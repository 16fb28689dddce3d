"""How generated weights are laid out for the CPU kernel: blocks of output rows, side by side."""

from typing import no_type_check

import numba
import numpy as np
from numpy.typing import NDArray

from hyperdyn.errors import InputError
from hyperdyn.networks import MLPSpec
from hyperdyn.rollout.cpu_intrinsics import interleave
from hyperdyn.rollout.cpu_vectors import BYTES, STRIP
from hyperdyn.states import StateSpace

ACTIVATION_CODES = {"relu": 0, "leaky_relu": 1, "tanh": 2, "silu": 3}

# Entries of the table.
VERSION, STATE, ACTION, FIRST, PARAMETERS, ACTIVATION, WIDEST, LAYERS, SIZES = range(9)


def kernel_table(spec: MLPSpec, space: StateSpace, version: int) -> NDArray[np.int64]:
    """Describe a network and its state space to the kernel, as one row of integers.

    In a tile the state columns stand in another order: those the network does not see, then those
    it sees, so that its inputs (seen columns, actions) are neighbours. The table ends with the
    column in each row of the tile, then the row of each column, filled up to a multiple of 8.

    Raises:
        InputError: If the network's inputs or outputs do not fit the state space.
    """
    seen = space.input_columns()
    hidden = [column for column in range(space.dim) if column not in set(seen.tolist())]
    columns = np.array([*hidden, *seen.tolist()])
    places = np.argsort(columns)
    places = np.append(places, np.zeros(-space.dim % STRIP, dtype=np.int64))
    action_dim = spec.sizes[0] - len(seen)
    if spec.sizes[-1] != space.dim or action_dim < 0:
        raise InputError(
            f"An MLP of sizes {spec.sizes} does not fit this state space: it needs an output for "
            f"each of the {space.dim} columns, and an input for each of the {len(seen)} it sees."
        )
    # A single layer reads a copy of its input, kept where hidden values would be.
    inner = spec.sizes[1:-1] or spec.sizes[:1]
    head = np.zeros(SIZES, dtype=np.int64)
    head[VERSION] = version
    head[STATE] = space.dim
    head[ACTION] = action_dim
    head[FIRST] = len(hidden)
    head[PARAMETERS] = spec.num_parameters
    head[ACTIVATION] = ACTIVATION_CODES[spec.activation]
    head[WIDEST] = max(inner)
    head[LAYERS] = len(spec.layers)
    return np.concatenate([head, np.array(spec.sizes), columns, places])


@no_type_check  # numba compiles it as it stands
def _packed_size(table: NDArray[np.int64], rows: int) -> int:
    """Numbers in the packed weights of one system."""
    total = 0
    for layer in range(table[LAYERS]):
        blocks = (table[SIZES + layer + 1] + rows - 1) // rows
        total += blocks * rows * (table[SIZES + layer] + 1)
    return total


@no_type_check
def _pack(table: NDArray[np.int64], parameters: int, packed: int, rows: int) -> None:
    """Lay the flat parameters of one system out in blocks of `rows` (4 or 8) outputs.

    A block holds its biases, then for each input its weights. The outputs of the last layer stand
    in the order of the tile's rows. What fills up the last block of a layer repeats its last
    output; its results are never read. `parameters` and `packed` are addresses of float32 numbers.
    """
    layers = table[LAYERS]
    output_at = SIZES + layers + 1
    sources = np.empty(rows, np.int64)
    weights = parameters
    for layer in range(layers):
        inputs, outputs = table[SIZES + layer], table[SIZES + layer + 1]
        biases = weights + inputs * outputs * BYTES
        for start in range(0, outputs, rows):
            # The biases are a stretch of one number, followed by the stretches of weights.
            for base, count in ((biases, 1), (weights, inputs)):
                for row in range(rows):
                    output = min(start + row, outputs - 1)
                    if layer == layers - 1:
                        output = table[output_at + output]
                    sources[row] = base + output * count * BYTES
                if rows == 8:
                    interleave(8, sources.ctypes.data, packed, count)
                else:
                    interleave(4, sources.ctypes.data, packed, count)
                packed += rows * count * BYTES
        weights = biases + outputs * BYTES


packed_size = numba.njit(_packed_size)
pack = numba.njit(_pack, error_model="numpy")
