"""Candidates that cannot be trusted: finding them, and ranking them below all others."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.errors import InputError


def require_shape(
    what: str, value: object, wanted: tuple[int, ...], axes: str, mend: str
) -> Tensor:
    """Return `value` if it is a tensor of the shape wanted.

    Args:
        what: Who made the value, as it opens a sentence ("The objective returned").
        value: What was handed over.
        wanted: Its shape, if all is well.
        axes: The names of the axes ("E, N").
        mend: What to do about it, as it ends a sentence.

    Raises:
        InputError: If it is anything else.
    """
    if isinstance(value, Tensor) and tuple(value.shape) == wanted:
        return value
    given = (
        f"a tensor of shape {tuple(value.shape)}"
        if isinstance(value, Tensor)
        else f"a {type(value).__name__}"
    )
    raise InputError(f"{what} {given}; wanted shape ({axes}) = {wanted}: {mend}.")


def finite_rows(values: Float[Tensor, "E N *rest"]) -> Bool[Tensor, "E N"]:
    """Tell which candidates hold finite numbers only, without a copy of the tensor."""
    flat = values.flatten(start_dim=2)
    if flat.device.type == "cpu":
        # The usual case in one pass: a sum that is finite has finite terms.
        finite = flat.sum(dim=-1).isfinite()
        if finite.all():
            return finite
    return flat.amax(dim=-1).isfinite() & flat.amin(dim=-1).isfinite()


@dataclass(frozen=True, eq=False)
class Leaders:
    """The best candidate of each system so far, and how many could not be ranked."""

    actions: Float[Tensor, "E H A"]
    """The best plans; before any candidate is ranked, the fallback."""
    returns: Float[Tensor, "E"]
    """Their returns; minus infinity for a fallback."""
    unranked: Float[Tensor, "E"]
    """Candidates of each system that were not finite."""

    @classmethod
    def fallback(cls, actions: Float[Tensor, "E H A"]) -> "Leaders":
        """Start from the plans to hand out if no candidate is ever finite."""
        nothing = torch.zeros_like(actions[:, 0, 0])
        return cls(actions, torch.full_like(nothing, -math.inf), nothing)

    def or_better(
        self, actions: Float[Tensor, "E N H A"], returns: Float[Tensor, "E N"]
    ) -> "Leaders":
        """Let a round of candidates compete; a return of minus infinity never wins."""
        returns_of_best, index = returns.max(dim=1)
        best = actions[torch.arange(len(actions), device=actions.device), index]
        better = (returns_of_best > self.returns)[:, None, None]
        return Leaders(
            torch.where(better, best, self.actions),
            torch.maximum(returns_of_best, self.returns),
            self.unranked + returns.isneginf().sum(dim=1),
        )
