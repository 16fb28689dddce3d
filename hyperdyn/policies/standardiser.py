"""Means and deviations of specifications and observations, from training tasks alone."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.errors import InputError

CONSTANT = 1e-6
"""A column that deviates by less keeps its own unit."""


class Standardiser(nn.Module):
    """Fitted once; data stay raw, and a model means the same thing for its whole life.

    Args:
        condition_dim: C.
        observation_dim: O.
        raw_conditions: Whether specifications are left as they are.
    """

    def __init__(self, condition_dim: int, observation_dim: int, *, raw_conditions: bool) -> None:
        super().__init__()
        self._raw_conditions = raw_conditions
        for name, width in (("condition", condition_dim), ("observation", observation_dim)):
            self.register_buffer(f"{name}_mean", torch.zeros(width))
            self.register_buffer(f"{name}_std", torch.ones(width))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))

    condition_mean: Tensor
    condition_std: Tensor
    observation_mean: Tensor
    observation_std: Tensor
    fitted: Tensor

    def fit(self, conditions: Float[Tensor, "_ C"], observations: Float[Tensor, "_ O"]) -> None:
        """Fit on the specifications of training tasks, and on observations made in them.

        Raises:
            InputError: If it was fitted before, or data are missing or not finite.
        """
        if bool(self.fitted):
            raise InputError("This Standardiser is fitted; statistics never drift: make a new one.")
        for name, values in (("condition", conditions), ("observation", observations)):
            if not len(values) or not bool(torch.isfinite(values).all()):
                raise InputError(
                    f"Standardiser.fit got {len(values)} {name}s; it needs at least one, all "
                    "finite: drop diverged episodes first."
                )
            if name == "condition" and self._raw_conditions:
                continue
            wide = values.double()
            std = wide.std(0, correction=0)
            getattr(self, f"{name}_mean").copy_(wide.mean(0))
            getattr(self, f"{name}_std").copy_(torch.where(std < CONSTANT, 1.0, std))
        self.fitted.fill_(True)

    def conditions(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "E C"]:
        """Specifications as generators see them."""
        return (conditions - self.condition_mean) / self.condition_std

    def observations(self, observations: Float[Tensor, "*batch O"]) -> Float[Tensor, "*batch O"]:
        """Observations as generated policies see them."""
        return (observations - self.observation_mean) / self.observation_std
