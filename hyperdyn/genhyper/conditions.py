"""What describes a task, as samplers read it."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.errors import InputError

CONSTANT = 1e-6
"""What deviates by less keeps its own unit."""


class ConditionUnits(nn.Module):
    """Conditions standardised, or as points on circles.

    Args:
        condition_dim: C.
        period: Of angles; None for plain numbers.
    """

    def __init__(self, condition_dim: int, *, period: float | None) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        self._period = period
        self.read_dim = condition_dim * (1 if period is None else 2)
        """R, numbers that a condition is read as."""
        self.register_buffer("mean", torch.zeros(condition_dim))
        self.register_buffer("unit", torch.ones(condition_dim))

    mean: Tensor
    unit: Tensor

    def fit(self, conditions: Float[Tensor, "n C"]) -> None:
        """Take mean and deviation of plain numbers from the training tasks.

        Raises:
            InputError: If there are none, or one is not finite.
        """
        if not len(conditions) or not bool(torch.isfinite(conditions).all()):
            raise InputError(
                f"Got {len(conditions)} conditions to take units of; at least one is needed, and "
                "all must be finite."
            )
        if self._period is not None:
            return
        self.mean.copy_(conditions.double().mean(0))
        unit = conditions.double().std(0, correction=0)
        self.unit.copy_(torch.where(unit < CONSTANT, 1.0, unit))

    def read(self, conditions: Float[Tensor, "B C"]) -> Float[Tensor, "B R"]:
        """Conditions as numbers of about unit size."""
        if self._period is None:
            return (conditions - self.mean) / self.unit
        turns = 2 * math.pi / self._period * conditions
        return torch.cat((turns.cos(), turns.sin()), -1)

    def require(self, conditions: Tensor) -> None:
        """Refuse what are no conditions.

        Raises:
            InputError: If shape, type or device is another, or one is not finite.
        """
        if conditions.ndim != 2 or conditions.shape[1] != self.condition_dim:
            raise InputError(
                f"The conditions have shape {tuple(conditions.shape)}; this sampler wants (E, C) "
                f"with C = {self.condition_dim}."
            )
        if conditions.dtype != self.mean.dtype or conditions.device != self.mean.device:
            raise InputError(
                f"The conditions are {conditions.dtype} on {conditions.device}; this sampler is "
                f"{self.mean.dtype} on {self.mean.device}. Convert one of them with .to(...)."
            )
        if not bool(torch.isfinite(conditions).all()):
            raise InputError("The conditions hold numbers that are not finite; give each in full.")
