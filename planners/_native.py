"""Where planners may use compiled code: float32 numbers on the CPU."""

import functools
import importlib
import warnings
from types import ModuleType

import torch
from torch import Tensor


def compiled(*tensors: Tensor) -> ModuleType | None:
    """The compiled functions of `_compiled`, if they serve these tensors; else torch does."""
    return _load("_compiled") if serves(*tensors) else None


def philox(generator: torch.Generator, *tensors: Tensor) -> ModuleType | None:
    """The compiled random numbers, if they serve; else torch draws."""
    return _load("_philox") if generator.device.type == "cpu" and serves(*tensors) else None


def rounds(*tensors: Tensor) -> ModuleType | None:
    """Whole rounds in one call, if they serve; else they are done one by one."""
    return _load("_rounds") if serves(*tensors) else None


def serves(*tensors: Tensor) -> bool:
    """Whether all tensors are plain float32 numbers on the CPU, laid out in one piece."""
    for tensor in tensors:
        if tensor.dtype is not torch.float32 or not tensor.is_cpu or not tensor.is_contiguous():
            return False
    return True


@functools.cache
def _load(name: str) -> ModuleType | None:
    """The module of that name beside this one; None, and a warning once, without numba."""
    try:
        return importlib.import_module(f"hyperdyn.planners.{name}")
    except ImportError as error:
        warnings.warn(
            f"The compiled parts of the planners cannot be loaded ({error}); slower torch code is "
            "used. Install numba as constraints.txt names it.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
