"""The fused CUDA rollout of float32 models whose states add up; importing it loads Triton.

A call is one launch over E · ⌈N / block⌉ programs (see `cuda_tiles`), which read flat parameters as
they are: nothing is packed, and freshly generated weights cost nothing. What depends on the
network, the state space and the objective alone (sizes, the map of inputs, rows of terms on the
device) is worked out once and kept. Triton compiles a kernel for each network, objective shape and
block when it is first wanted, and caches it on disk; N, H and E are no part of it.

The floor for the workload L500 (state 18, action 6, two hidden layers of 128, N = 500, H = 20) as
computed: 21,760 multiply-adds a step of a candidate, so 2 · 21,760 · 500 · 20 = 0.435 GFLOP, which
take 6.5 µs at the 67 TFLOP/s of float32 outside the matrix units that an H100 or H200 is sold with.
The 60 layers of 20 steps follow one another; at some 0.1 to 0.15 µs for the latency of a barrier, a
read of shared memory and a sum, they take 6 to 9 µs however little there is to compute. Together
about 10 µs. Where this was written no GPU was at hand: the kernel was run in Triton's interpreter
and compiled for compute capability 8.0, 9.0 and 10.0, and its time has not been measured. For 9.0
its loop has 1,203 instructions a warp and step, 768 of them multiply-adds, and each scheduler of
125 multiprocessors has one warp: 12 µs at 2 GHz were none of them ever to wait.
"""

import contextlib
import functools
from dataclasses import dataclass, field
from typing import Any

import torch
import triton
from jaxtyping import Float
from torch import Tensor
from triton.runtime.errors import OutOfResources

from hyperdyn.errors import InputError
from hyperdyn.networks import MLPSpec
from hyperdyn.rollout import cuda_tiles
from hyperdyn.rollout.cuda_models import Block, Model, Precision, model_of
from hyperdyn.rollout.cuda_terms import NOTHING, Counts, summable, term_rows
from hyperdyn.states import StateSpace
from hyperdyn.terms import TermTable

if tuple(int(part) for part in triton.__version__.split(".")[:2]) < (3, 7):
    raise ImportError(f"the CUDA kernel needs Triton 3.7 or later, not {triton.__version__}")

ABSENT: dict[str, Tensor | None] = dict.fromkeys(
    ("trajectories", "terms", "returns", "violations", "mean", "std", "low", "high")
)  # what a launch does not need


def rollout(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    actions: Float[Tensor, "E N H A"],
    precision: Precision = "ieee",
    block: Block | None = None,
) -> Float[Tensor, "E N H+1 S"] | None:
    """Roll E generated models forward in one launch.

    Args:
        spec: The network, from (state inputs + A) to S.
        space: The columns the network sees; every field is a vector.
        parameters: Weights in physical units, one row a system; all float32 on one CUDA device.
        states: Where each system stands.
        actions: N candidate sequences for each system.
        precision: How matrices are multiplied.
        block: Size of a program; what suits the device and the sizes if None.

    Returns:
        Trajectories, without gradients; index 0 along the time axis is the given state. None if
        the kernel cannot serve this network on this device.

    Raises:
        InputError: If the widths of the network, the space and the tensors do not fit together.
    """
    E, N, H, _ = actions.shape
    model = _checked_model(spec, space, parameters, states, actions.shape, precision)
    out = torch.empty((E, N, H + 1, space.dim), dtype=torch.float32, device=parameters.device)
    tensors = {"actions": actions.contiguous(), "trajectories": out}
    flags = {"write": True, "add_up": False, "draw": False, "soft": NOTHING, "hard": NOTHING}
    return out if _launch(model, parameters, states, (E, N, H), tensors, flags, block) else None


def returns(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    actions: Float[Tensor, "E N H A"],
    table: TermTable,
    precision: Precision = "ieee",
    block: Block | None = None,
) -> tuple[Float[Tensor, "E N"], Float[Tensor, "E N"]] | None:
    """Sum an objective up while E generated models roll forward; no trajectory is kept.

    Args:
        spec: As `rollout`, and so on to `actions`.
        space: The columns the network sees.
        parameters: Weights.
        states: Where each system stands.
        actions: Candidates.
        table: The objective.
        precision: How matrices are multiplied.
        block: Size of a program.

    Returns:
        Returns and violations; minus and plus infinity for a candidate that is not finite. None if
        the kernel cannot serve this network on this device, or has no form of one of the terms.

    Raises:
        InputError: As `rollout`.
    """
    model = _checked_model(spec, space, parameters, states, actions.shape, precision)
    tensors = {"actions": actions.contiguous()}
    return _sums(model, parameters, states, actions.shape[:3], table, tensors, False, block)


def drawn_returns(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    mean: Float[Tensor, "E H A"],
    std: Float[Tensor, "E H A"],
    low: Float[Tensor, " A"],
    high: Float[Tensor, " A"],
    table: TermTable,
    samples: int,
    key: int,
    precision: Precision = "ieee",
    block: Block | None = None,
) -> tuple[Float[Tensor, "E N H A"], Float[Tensor, "E N"], Float[Tensor, "E N"]] | None:
    """Draw candidates and sum an objective up over them, in one launch.

    The noise is a function of the key and of the place in [E, N, H, A] alone (Philox): the same on
    every call and for every block, independent for another key.

    Args:
        spec: As `rollout`, and so on to `states`.
        space: The columns the network sees.
        parameters: Weights.
        states: Where each system stands.
        mean: Centre of the candidates.
        std: Standard deviation of the noise before clipping.
        low: Least value of each action.
        high: Greatest value of each action.
        table: The objective.
        samples: N.
        key: Which noise is drawn, 0 to 2⁶³ - 1.
        precision: How matrices are multiplied.
        block: Size of a program.

    Returns:
        Actions within the bounds, then as `returns`; None as there.

    Raises:
        InputError: As `rollout`.
    """
    E, H, A = mean.shape
    model = _checked_model(spec, space, parameters, states, (E, samples, H, A), precision)
    actions = torch.empty((E, samples, H, A), dtype=torch.float32, device=parameters.device)
    tensors = {"mean": mean, "std": std, "low": low, "high": high}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    tensors["actions"] = actions
    size = (E, samples, H)
    sums = _sums(model, parameters, states, size, table, tensors, True, block, key)
    return (actions, *sums) if sums else None


def _sums(
    model: Model,
    parameters: Tensor,
    states: Tensor,
    size: tuple[int, ...],
    table: TermTable,
    tensors: dict[str, Tensor],
    draw: bool,
    block: Block | None,
    key: int = 0,
) -> tuple[Tensor, Tensor] | None:
    """Launch for returns and violations."""
    if not summable(table):
        return None
    device = parameters.device
    content = _Content(table.codes.tobytes(), table.numbers.tobytes(), table)
    numbers, soft, hard = _rows(content, *model.shape[1:], model.width, device)
    total = torch.empty(size[:2], dtype=torch.float32, device=device)
    excess = torch.empty(size[:2], dtype=torch.float32, device=device)
    tensors = {**tensors, "terms": numbers, "returns": total, "violations": excess}
    flags = {"write": False, "add_up": True, "draw": draw, "soft": soft, "hard": hard}
    served = _launch(model, parameters, states, size, tensors, flags, block, key)
    return (total, excess) if served else None


def _launch(
    model: Model,
    parameters: Tensor,
    states: Tensor,
    size: tuple[int, ...],
    tensors: dict[str, Tensor],
    flags: dict[str, Any],
    block: Block | None,
    key: int = 0,
) -> bool:
    """Run the kernel on the current stream; False if the device cannot run it."""
    systems, samples, horizon = size
    block = block or model.block(systems, samples)
    if block is None:
        return False
    tiles = -(-samples // block.candidates)
    if systems * tiles == 0:
        return True
    device = parameters.device
    scope = torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext()
    try:
        with scope:
            cuda_tiles.roll[(systems * tiles,)](
                **(ABSENT | tensors),
                parameters=parameters.contiguous(),
                states=states.contiguous(),
                inputs=model.inputs,
                key=key,
                samples=samples,
                horizon=horizon,
                tiles=tiles,
                block=block.candidates,
                num_warps=block.warps,
                enable_fp_fusion=True,
                **model.constants,
                **flags,
            )
    except OutOfResources:  # the estimate of shared memory was too low
        model.refused.append(block)
        return False
    return True


def _checked_model(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Tensor,
    states: Tensor,
    actions: tuple[int, ...],
    precision: Precision,
) -> Model:
    """The model of these arguments, once their shapes are known to fit."""
    model = model_of(spec, space, parameters.device, precision)
    count, state_dim, action_dim = model.shape
    if (
        parameters.shape != (actions[0], count)
        or states.shape != (actions[0], state_dim)
        or actions[3] != action_dim
    ):
        raise InputError(
            f"rollout got parameters of shape {tuple(parameters.shape)}, states of "
            f"{tuple(states.shape)} and actions of {tuple(actions)}; this network and state space "
            f"want (P, S, A) = {model.shape}, and the same number of systems in all three."
        )
    return model


@dataclass(frozen=True)
class _Content:
    """A table of terms, equal to another of the same content."""

    codes: bytes
    numbers: bytes
    table: TermTable = field(compare=False)


@functools.lru_cache(maxsize=64)
def _rows(
    content: _Content, state_dim: int, action_dim: int, width: int, device: torch.device
) -> tuple[Tensor, Counts, Counts]:
    rows = term_rows(content.table, state_dim, action_dim, width)
    return torch.from_numpy(rows.numbers).to(device), rows.soft, rows.hard
