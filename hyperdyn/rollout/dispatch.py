"""Choosing the backend that rolls a generated model forward."""

import functools
import warnings
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import forward_ad

from hyperdyn.networks import MLPSpec
from hyperdyn.rollout import reference
from hyperdyn.states import StateSpace

Backend = Callable[[MLPSpec, StateSpace, Tensor, Tensor, Tensor], Tensor]
PLAIN_TYPES = (Tensor, nn.Parameter)  # no subclass, which may mean anything


def rollout(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    actions: Float[Tensor, "E N H A"],
) -> Float[Tensor, "E N H+1 S"]:
    """Roll E generated models forward; the arguments are those of `reference.rollout`.

    Every backend returns what the reference returns, within float32 rounding. The compiled kernel
    serves float32 on the CPU where states add up and nobody asks for gradients; the torch reference
    serves every dtype, device and composition, so it is the one that always applies.
    """
    fast = _cpu_kernel() if _kernel_serves(space, (parameters, states, actions)) else None
    return (fast or reference.rollout)(spec, space, parameters, states, actions)


def _kernel_serves(space: StateSpace, tensors: tuple[Tensor, ...]) -> bool:
    """Whether the tensors are plain numbers in memory, and only numbers are wanted back."""
    if torch.compiler.is_compiling() or not space.additive:
        return False
    backward, forward = torch.is_grad_enabled(), forward_ad._current_level >= 0
    for tensor in tensors:
        if tensor.dtype is not torch.float32 or type(tensor) not in PLAIN_TYPES:
            return False
        if not tensor.is_cpu or tensor.is_neg():
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
def _cpu_kernel() -> Backend | None:
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
        return None
    return cpu_kernel.rollout
