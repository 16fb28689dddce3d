"""Choosing the backend that rolls a generated model forward."""

import functools
import warnings
from collections.abc import Callable
from types import ModuleType

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import forward_ad

from hyperdyn.networks import MLPSpec
from hyperdyn.rollout import cuda_graph, reference
from hyperdyn.states import StateSpace
from hyperdyn.terms import TermTable

PLAIN_TYPES = (Tensor, nn.Parameter)  # no subclass, which may mean anything


def rollout(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    actions: Float[Tensor, "E N H A"],
) -> Float[Tensor, "E N H+1 S"]:
    """Roll E generated models forward; the arguments are those of `reference.rollout`.

    Every backend returns what the reference returns, within float32 rounding. The compiled kernels
    serve float32 on the CPU or on one GPU where states add up and nobody asks for gradients, and on
    a GPU a captured graph where its kernel cannot; the torch reference serves every dtype, device
    and composition, so it is the one that always applies.
    """
    for backend in _backends(space, (parameters, states, actions)):
        trajectories: Tensor | None = backend.rollout(spec, space, parameters, states, actions)
        if trajectories is not None:
            return trajectories
    return reference.rollout(spec, space, parameters, states, actions)


Scorer = Callable[[Tensor], tuple[Tensor, Tensor | None] | None]
"""Candidates [E, N, H, A] to returns and, where terms are hard, violations [E, N]; None: cannot."""


def scorer(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    table: TermTable,
) -> Scorer | None:
    """Prepare returns without trajectories; None: no kernel serves.

    Candidates handed to the result are plain numbers of the type and on the device of the states,
    and nobody asks for their gradients.
    """
    for backend in _backends(space, (parameters, states)):
        if backend is cuda_graph:
            continue
        if parameters.is_cpu:
            made: Scorer = backend.Scorer(spec, space, parameters, states, table)
            return made
        return functools.partial(_on_gpu, backend, spec, space, parameters, states, table)
    return None


def _on_gpu(
    kernel: ModuleType,
    spec: MLPSpec,
    space: StateSpace,
    parameters: Tensor,
    states: Tensor,
    table: TermTable,
    actions: Tensor,
) -> tuple[Tensor, Tensor | None] | None:
    sums: tuple[Tensor, Tensor] | None = kernel.returns(
        spec, space, parameters, states, actions, table
    )
    return sums if sums is None or table.hard else (sums[0], None)


def _backends(space: StateSpace, tensors: tuple[Tensor, ...]) -> tuple[ModuleType, ...]:
    """Compiled backends to try before the reference, best first."""
    if not space.additive or not plain(tensors):
        return ()
    if tensors[0].is_cpu:
        return _cpu_kernel()
    if tensors[0].is_cuda and not torch.cuda.is_current_stream_capturing():
        return _cuda_kernels()
    return ()


def plain(tensors: tuple[Tensor, ...]) -> bool:
    """Whether the tensors are plain numbers on one device, and only numbers are wanted back."""
    if torch.compiler.is_compiling():
        return False
    backward, forward = torch.is_grad_enabled(), forward_ad._current_level >= 0
    device = tensors[0].device
    for tensor in tensors:
        if tensor.dtype is not torch.float32 or type(tensor) not in PLAIN_TYPES:
            return False
        if tensor.device != device or tensor.is_neg():
            return False
        if backward and tensor.requires_grad:
            return False
        if forward and forward_ad.unpack_dual(tensor).tangent is not None:
            return False
        try:
            tensor.data_ptr()
        except RuntimeError:  # it stands for others, inside a torch.func transform
            return False
    return True


@functools.cache
def _cpu_kernel() -> tuple[ModuleType, ...]:
    """Load the kernel when it is first wanted; without it the reference serves."""
    try:
        from hyperdyn.rollout import cpu_kernel
    except ImportError as error:
        warnings.warn(
            f"The compiled rollout cannot be loaded ({error}); the slower torch rollout is used. "
            "Install numba as constraints.txt names it.",
            RuntimeWarning,
            stacklevel=2,
        )
        return ()
    return (cpu_kernel,)


@functools.cache
def _cuda_kernels() -> tuple[ModuleType, ...]:
    """Load the GPU kernel when it is first wanted; without it captured graphs serve."""
    try:
        from hyperdyn.rollout import cuda_kernel
    except ImportError as error:
        warnings.warn(
            f"The GPU kernel cannot be loaded ({error}); slower captured graphs are used. Torch "
            "for CUDA brings the triton it needs.",
            RuntimeWarning,
            stacklevel=2,
        )
        return (cuda_graph,)
    return (cuda_kernel, cuda_graph)
