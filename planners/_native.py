"""Where planners may use compiled code: float32 numbers on the CPU."""

import functools
import warnings
from types import ModuleType

import torch
from torch import Tensor


def compiled(*tensors: Tensor) -> ModuleType | None:
    """The compiled functions of `_compiled`, if they serve these tensors; else torch does."""
    return _compiled() if serves(*tensors) else None


def serves(*tensors: Tensor) -> bool:
    """Whether all tensors are plain float32 numbers on the CPU, laid out in one piece."""
    for tensor in tensors:
        if tensor.dtype is not torch.float32 or not tensor.is_cpu or not tensor.is_contiguous():
            return False
    return True


def philox() -> ModuleType | None:
    """The compiled random numbers; None without numba."""
    return _philox()


def rounds() -> ModuleType | None:
    """Whole rounds in one call; None without numba."""
    return _rounds()


@functools.cache
def _rounds() -> ModuleType | None:
    try:
        from hyperdyn.planners import _rounds
    except ImportError as error:
        _tell(error)
        return None
    return _rounds


@functools.cache
def _compiled() -> ModuleType | None:
    try:
        from hyperdyn.planners import _compiled
    except ImportError as error:
        _tell(error)
        return None
    return _compiled


@functools.cache
def _philox() -> ModuleType | None:
    try:
        from hyperdyn.planners import _philox
    except ImportError as error:
        _tell(error)
        return None
    return _philox


def _tell(error: ImportError) -> None:
    warnings.warn(
        f"The compiled parts of the planners cannot be loaded ({error}); slower torch code is "
        "used. Install numba as constraints.txt names it.",
        RuntimeWarning,
        stacklevel=3,
    )
