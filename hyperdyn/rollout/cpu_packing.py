"""How generated weights are laid out for the CPU kernel: blocks of output rows, side by side."""

from typing import no_type_check

import numba  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from hyperdyn.networks import MLPSpec
from hyperdyn.rollout import cpu_vectors
from hyperdyn.states import StateSpace

ACTIVATION_CODES = {
    "relu": cpu_vectors.RELU,
    "leaky_relu": cpu_vectors.LEAKY_RELU,
    "tanh": cpu_vectors.TANH,
    "silu": cpu_vectors.SILU,
}

# Entries of the table.
VERSION, STATE, ACTION, FIRST, PARAMETERS, ACTIVATION, WIDEST, LAYERS, SIZES = range(9)


def kernel_table(spec: MLPSpec, space: StateSpace, version: int) -> NDArray[np.int64]:
    """Describe a network and its state space to the kernel, as one row of integers.

    In a tile the state columns stand in another order: those the network does not see, then those it
    sees, so that its inputs (seen columns, actions) are neighbours. The table ends with the row at
    which each state column stands, repeated to a multiple of 8.
    """
    seen = space.input_columns()
    hidden = [column for column in range(space.dim) if column not in set(seen.tolist())]
    places = np.empty(space.dim, dtype=np.int64)
    places[[*hidden, *seen.tolist()]] = np.arange(space.dim)
    places = np.append(places, np.repeat(places[-1:], -space.dim % cpu_vectors.STRIP))
    # A single layer reads a copy of its input, kept where hidden values would be.
    inner = spec.sizes[1:-1] or (space.dim + spec.sizes[0],)
    head = np.zeros(SIZES, dtype=np.int64)
    head[VERSION] = version
    head[STATE] = space.dim
    head[ACTION] = spec.sizes[0] - len(seen)
    head[FIRST] = len(hidden)
    head[PARAMETERS] = spec.num_parameters
    head[ACTIVATION] = ACTIVATION_CODES[spec.activation]
    head[WIDEST] = max(inner)
    head[LAYERS] = len(spec.layers)
    return np.concatenate([head, np.array(spec.sizes), places])


@no_type_check
def _packed_size(table: NDArray[np.int64], rows: int) -> int:
    """Numbers in the packed weights of one system."""
    total = 0
    for layer in range(table[LAYERS]):
        blocks = (table[SIZES + layer + 1] + rows - 1) // rows
        total += blocks * rows * (table[SIZES + layer] + 1)
    return total


@no_type_check
def _pack(
    table: NDArray[np.int64],
    parameters: NDArray[np.float32],
    packed: NDArray[np.float32],
    rows: int,
) -> None:
    """Lay the flat parameters of one system out in blocks of `rows` outputs.

    A block holds its biases, then for each input its weights. Outputs that fill up the last block of
    a layer are zero; those of the last layer stand in the order of the tile's rows.
    """
    layers = table[LAYERS]
    places = SIZES + layers + 1
    start, weights = 0, 0
    for layer in range(layers):
        inputs, outputs = table[SIZES + layer], table[SIZES + layer + 1]
        biases = weights + inputs * outputs
        block = (inputs + 1) * rows
        blocks = (outputs + rows - 1) // rows
        if blocks * rows > outputs:
            packed[start + (blocks - 1) * block : start + blocks * block] = 0.0
        for output in range(outputs):
            row = table[places + output] if layer == layers - 1 else output
            spot = start + (row // rows) * block + row % rows
            packed[spot] = parameters[biases + output]
            for k in range(inputs):
                packed[spot + (k + 1) * rows] = parameters[weights + output * inputs + k]
        weights = biases + outputs
        start += blocks * block


packed_size = numba.njit(_packed_size)
pack = numba.njit(_pack, error_model="numpy")
