"""The compiled rollout of pushed objects whose forward models lie on a ring.

Importing this module loads numba. The kernel is compiled when it is first called, or read from
numba's cache on disk. A candidate gives the same bits in any company.
"""

import functools
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hyperdyn.networks import MLPSpec, split_parameters
from hyperdyn.pushing import ring_layer, state
from hyperdyn.pushing.ring_layer import KEEP, LEAKY_RELU, NEAREST, RELU, between
from hyperdyn.pushing.state import ACTION_DIM, ORIENTATION, STATE_SPACE
from hyperdyn.rollout import cpu_activations, cpu_intrinsics, cpu_vectors
from hyperdyn.rollout.cpu_activations import SILU, TANH
from hyperdyn.rollout.cpu_intrinsics import activate, floats, integers
from hyperdyn.rollout.cpu_shapes import host_shape
from hyperdyn.rollout.cpu_vectors import BYTES

Kernel = Callable[..., int]
_AFTER = {"relu": (RELU, -1), "leaky_relu": (LEAKY_RELU, -1), "tanh": (KEEP, TANH)}
_AFTER["silu"] = (KEEP, SILU)
_AFTER_SUMS, _PASS, _LAYERS, _WIDEST, _SIZES = range(5)  # entries of the table
_STATE, _BEFORE, _ORIENTATION = STATE_SPACE.dim, ORIENTATION.start, ORIENTATION.start * BYTES
_INPUTS = STATE_SPACE.num_inputs + ACTION_DIM
_LINE = 64  # bytes of a cache line
_ONE, _TWO = np.float32(1), np.float32(2)
_EPSILON = np.float32(1e-12)  # torch's, below which a vector is not made a unit vector


def packed(
    spec: MLPSpec, parameters: Float[Tensor, "E R P"], width: int | None = None
) -> Float[Tensor, "E R W"]:
    """Lay networks out for the kernel: layer after layer, outputs side by side.

    Args:
        spec: Their sizes.
        parameters: Flat.
        width: Of a vector; that of this processor if None.
    """
    width = width or host_shape().width
    parts = []
    for weight, bias in split_parameters(spec, parameters):
        rows = torch.cat([bias[..., None], weight], dim=-1).transpose(-1, -2)
        parts.append(functional.pad(rows, (0, -rows.shape[-1] % width)).flatten(-2))
    return torch.cat(parts, dim=-1).contiguous()


def rollout(
    spec: MLPSpec,
    networks: Float[Tensor, "E R W"],
    starts: Float[Tensor, " E"],
    states: Float[Tensor, "E N S"],
    actions: Float[Tensor, "E N H A"],
    width: int | None = None,
) -> Float[Tensor, "E N H+1 S"]:
    """Roll N candidates for each object forward on this thread; all float32 on the CPU.

    Args:
        spec: Sizes of the networks.
        networks: What `packed` made of them.
        starts: Yaws of each object at which its ring begins.
        states: Where each candidate begins.
        actions: Its pushes.
        width: As it was given to `packed`.
    """
    width = width or host_shape().width
    E, N, H, _ = actions.shape
    out = torch.empty((E, N, H + 1, STATE_SPACE.dim), dtype=torch.float32, device="cpu")
    table = _table(spec, width)
    held = [tensor.contiguous() for tensor in (networks, starts, states, actions)]
    addresses = (table.ctypes.data, *(tensor.data_ptr() for tensor in (*held, out)))
    ring_kernel(width)(*addresses, E, N, H, *networks.shape[1:])
    return out


@functools.cache
def _table(spec: MLPSpec, width: int) -> NDArray[np.int64]:
    """A network, as one row of integers: inputs, and vectors of outputs, of each layer."""
    vectors = [-(-outputs // width) for _, outputs in spec.layers]
    numbers = [*_AFTER[spec.activation], len(vectors), max(vectors) * width]
    for (inputs, _), count in zip(spec.layers, vectors, strict=True):
        numbers += [inputs, count]
    return np.array(numbers, dtype=np.int64)


def _source_version() -> int:
    """Checksum of the sources compiled into a kernel: numba's cache looks at this file only."""
    modules = (cpu_activations, cpu_intrinsics, cpu_vectors, ring_layer, state)
    return zlib.crc32(b"".join(Path(str(module.__file__)).read_bytes() for module in modules))


SOURCE_VERSION = _source_version()


@functools.cache
def ring_kernel(width: int) -> Kernel:
    """The kernel for vectors of a width, compiled when it is first called."""
    kernel = _define(width, SOURCE_VERSION)
    options = {"nogil": True, "error_model": "numpy"}
    try:
        compiled: Kernel = numba.njit(cache=True, **options)(kernel)
    except RuntimeError:  # there is no folder to cache in
        compiled = numba.njit(**options)(kernel)
    return compiled


@no_type_check  # numba compiles these as they stand
def _cell(at: int, start: float, turns: int, shares_at: int) -> int:
    """Where a state at an address lies on the ring: the turn before it, and the two shares."""
    q, shares = floats(at + _ORIENTATION), floats(shares_at)
    up, across = q[3] * q[3] - q[2] * q[2], q[0] * q[0] - q[1] * q[1]
    yaw = math.atan2(_TWO * (q[3] * q[2] + q[0] * q[1]), up + across)
    place = (yaw - start) * np.float32(turns / (2 * math.pi))
    floor = np.floor(place)
    shares[0], shares[1] = _ONE - (place - floor), place - floor
    if not math.isfinite(floor):  # then the shares are NaN, and any turn will do
        return 0
    return np.int64(floor) % turns


@no_type_check
def _compose(at: int, changes_at: int, target_at: int) -> None:
    """Write s ⊕ δs; the formulas are those of `StateSpace.compose`."""
    s, d, after = floats(at), floats(changes_at), floats(target_at)
    for column in range(_STATE):
        after[column] = s[column] + d[column]
    q, d, after = (
        floats(at + _ORIENTATION),
        floats(changes_at + _ORIENTATION),
        floats(target_at + _ORIENTATION),
    )
    x, y, z, w = d[0], d[1], d[2], d[3] + _ONE
    scale = _inverse_length(x, y, z, w)
    x, y, z, w = x * scale, y * scale, z * scale, w * scale
    i = w * q[0] + q[3] * x + y * q[2] - z * q[1]
    j = w * q[1] + q[3] * y + z * q[0] - x * q[2]
    k = w * q[2] + q[3] * z + x * q[1] - y * q[0]
    r = w * q[3] - (x * q[0] + y * q[1] + z * q[2])
    scale = _inverse_length(i, j, k, r)
    after[0], after[1], after[2], after[3] = i * scale, j * scale, k * scale, r * scale


@no_type_check
def _inverse_length(x: float, y: float, z: float, w: float) -> float:
    length = math.sqrt(x * x + y * y + z * z + w * w)
    return _ONE / (_EPSILON if length < _EPSILON else length)


_inverse_length = numba.njit(_inverse_length, error_model="numpy")
_cell = numba.njit(_cell, error_model="numpy")
_compose = numba.njit(_compose, error_model="numpy")


def _define(width: int, version: int) -> Kernel:
    """Write the kernel; what it closes over is part of its key in numba's cache."""

    @no_type_check  # numba compiles it as it stands
    def roll(
        table_at: int,
        networks: int,
        starts: int,
        states: int,
        actions: int,
        trajectories: int,
        systems: int,
        samples: int,
        horizon: int,
        turns: int,
        length: int,
    ) -> int:
        """Roll every candidate forward; addresses of float32 numbers.

        Args:
            table_at: Address of the integers of `_table`.
            networks: Address of [E, R, W].
            starts: Address of [E].
            states: Address of [E, N, S].
            actions: Address of [E, N, H, A].
            trajectories: Address of [E, N, H + 1, S], which are written.
            systems: E.
            samples: N.
            horizon: H.
            turns: R.
            length: W.
        """
        if version == 0:  # never; makes it part of the key
            return 1
        table = integers(table_at)
        layers, widest = table[_LAYERS], table[_WIDEST]
        scratch = np.zeros(2 * widest + NEAREST + _INPUTS + _LINE // BYTES, np.float32)
        hidden = (scratch.ctypes.data + _LINE - 1) // _LINE * _LINE
        shares = hidden + 2 * widest * BYTES
        inputs = shares + NEAREST * BYTES
        for candidate in range(systems * samples):
            system = candidate // samples
            ring = networks + system * turns * length * BYTES
            now = trajectories + candidate * (horizon + 1) * _STATE * BYTES
            for column in range(_STATE):
                floats(now)[column] = floats(states)[candidate * _STATE + column]
            for step in range(horizon):
                push = actions + (candidate * horizon + step) * ACTION_DIM * BYTES
                for column in range(_BEFORE):
                    floats(inputs)[column] = floats(now)[column]
                for column in range(_BEFORE + 4, _STATE):
                    floats(inputs)[column - 4] = floats(now)[column]
                for column in range(ACTION_DIM):
                    floats(inputs)[_STATE - 4 + column] = floats(push)[column]
                turn = _cell(now, floats(starts)[system], turns, shares)
                first = ring + turn * length * BYTES
                second = ring + ((turn + 1) % turns) * length * BYTES
                x = inputs
                for layer in range(layers):
                    count, vectors = table[_SIZES + 2 * layer], table[_SIZES + 2 * layer + 1]
                    y = hidden + (layer % 2) * widest * BYTES
                    last = layer == layers - 1
                    after = KEEP if last else table[_AFTER_SUMS]
                    between(width, first, second, shares, x, y, count, vectors, after)
                    if not last and table[_PASS] == TANH:
                        activate(width, TANH, y, vectors)
                    elif not last and table[_PASS] == SILU:
                        activate(width, SILU, y, vectors)
                    size = (count + 1) * vectors * width * BYTES
                    first, second = first + size, second + size
                    x = y
                following = now + _STATE * BYTES
                _compose(now, x, following)
                now = following
        scratch[0] = 0.0  # it must live until here: only its address is used above
        return 0

    kernel: Kernel = roll
    return kernel
