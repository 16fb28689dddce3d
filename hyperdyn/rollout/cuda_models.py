"""What a launch of the CUDA kernel needs to know of a model and a device; sizes of programs."""

import functools
import itertools
import sys
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import triton
from torch import Tensor
from triton.runtime import driver

from hyperdyn.errors import InputError
from hyperdyn.networks import MLPSpec
from hyperdyn.rollout import cuda_tiles
from hyperdyn.states import StateSpace

Precision = Literal["ieee", "tf32x3", "tf32"]
"""How matrices are multiplied: "ieee" rounds as float32 does; the others use the matrix units, with
three products for nearly all the digits of float32, or with one for 11 bits of them."""

INTERPRETED = not isinstance(cuda_tiles.roll, triton.JITFunction)
"""Whether Triton's interpreter runs the kernel, on the CPU: TRITON_INTERPRET was set in time."""

SMALLEST = 16  # rows of a matrix product
WIDEST = 256  # more unrolls into more code than registers can serve


@dataclass(frozen=True)
class Block:
    """Size of a program."""

    candidates: int
    """Columns of a tile, a power of two."""
    warps: int
    """Warps of 32 threads that share them."""


# Chosen by instructions a candidate and step, and registers spilt, of kernels compiled for sm_90.
SMALL, LARGE, MATRIX = Block(4, 4), Block(8, 8), Block(16, 8)


@dataclass(frozen=True, eq=False)
class Model:
    """What launches need to know of a network and its state space on a device."""

    shape: tuple[int, int, int]
    """P, S and A."""
    inputs: Tensor
    """For each row of a tile its place in the network's input, or -1."""
    constants: dict[str, Any]
    """Arguments that the kernel is compiled for."""
    blocks: tuple[Block, ...]
    """Blocks that fit into the device, the best for many programs first; none: it cannot serve."""
    processors: int
    """Multiprocessors of the device, each of which should have a program."""
    refused: list[Block] = field(default_factory=list)
    """Blocks that the device turned out to be too small for."""

    @property
    def width(self) -> int:
        """Rows of a tile."""
        return int(self.constants["widths"][0])

    def block(self, systems: int, samples: int) -> Block | None:
        """The first that leaves no multiprocessor idle, or else the smallest; None: none fits."""
        fitting = [block for block in self.blocks if block not in self.refused]
        for block in fitting:
            if systems * -(-samples // block.candidates) >= self.processors:
                return block
        return fitting[-1] if fitting else None


@functools.lru_cache(maxsize=64)
def model_of(spec: MLPSpec, space: StateSpace, device: torch.device, precision: Precision) -> Model:
    """Describe a model to the kernel; worked out once for each.

    Raises:
        InputError: If the network's inputs or outputs do not fit the state space.
    """
    seen = space.input_columns().tolist()
    state_dim, action_dim = space.dim, spec.sizes[0] - len(seen)
    if spec.sizes[-1] != state_dim or action_dim < 0:
        raise InputError(
            f"An MLP of sizes {spec.sizes} does not fit this state space: it needs an output for "
            f"each of the {state_dim} columns, and an input for each of the {len(seen)} it sees."
        )
    width = _power(state_dim + action_dim)
    widths = (width, *(_power(size) for size in spec.sizes[1:-1]), width)
    inputs = torch.full((width,), -1, dtype=torch.int32)
    inputs[seen] = torch.arange(len(seen), dtype=torch.int32)
    inputs[state_dim : state_dim + action_dim] = torch.arange(
        len(seen), len(seen) + action_dim, dtype=torch.int32
    )
    constants = {
        "sizes": spec.sizes,
        "widths": widths,
        "state_dim": state_dim,
        "action_dim": action_dim,
        "count": spec.num_parameters,
        "activation": spec.activation,
        "precision": precision,
    }
    memory, processors = device_limits(device)
    blocks = tuple(
        block
        for block in ((LARGE, SMALL) if precision == "ieee" else (MATRIX,))
        if space.additive
        and max(widths) <= WIDEST
        and shared_bytes(widths, block, precision) <= memory
    )
    return Model(
        (spec.num_parameters, state_dim, action_dim),
        inputs.to(device),
        constants,
        blocks,
        processors,
    )


def shared_bytes(widths: tuple[int, ...], block: Block, precision: Precision) -> int:
    """Shared memory of a program: its weights, and the hidden values of one layer on their way."""
    held = sum(a * b for a, b in itertools.pairwise(widths)) + block.candidates * max(widths)
    return 4 * held * (2 if precision == "tf32x3" else 1)


def device_limits(device: torch.device) -> tuple[int, int]:
    """Shared memory a program can have in bytes (0: none can run), and multiprocessors."""
    if device.type != "cuda":
        return (sys.maxsize, 1) if INTERPRETED else (0, 1)
    if torch.version.hip or torch.cuda.get_device_capability(device) < (8, 0):
        return 0, 1
    limits = driver.active.utils.get_device_properties(device.index)
    return limits["max_shared_mem"], limits["multiprocessor_count"]


def _power(size: int) -> int:
    """The least power of two that is no less, from SMALLEST on."""
    return max(SMALLEST, 1 << (size - 1).bit_length())
