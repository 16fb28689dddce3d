"""The room there is to plan in."""

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.planners._numbers import Numbers, as_row


@dataclass(frozen=True, eq=False)
class ActionBox:
    """Bounds on every action of E plans of H steps, on the dtype and device planned with."""

    systems: int
    """E."""
    horizon: int
    """H."""
    low: Float[Tensor, "A"]
    """Lower bounds."""
    high: Float[Tensor, "A"]
    """Upper bounds, nowhere below the lower ones."""

    @functools.cached_property
    def middle(self) -> Float[Tensor, "A"]:
        """The action midway between the bounds."""
        return (self.low + self.high) / 2

    @functools.cached_property
    def half_range(self) -> Float[Tensor, "A"]:
        """From the middle to either bound."""
        return (self.high - self.low) / 2

    def plans(self, action: Float[Tensor, "A"]) -> Float[Tensor, "E H A"]:
        """The same action at every step of every plan."""
        return action.repeat(self.systems, self.horizon, 1)

    def spread(self, numbers: Numbers, name: str) -> Float[Tensor, "E H A"]:
        """Deviations given in half ranges, at every step of every plan; not to be written to."""
        if (name, numbers) not in self._spreads:
            row = as_row(name, numbers, len(self.low), self.low)
            self._spreads[name, numbers] = self.plans(self.half_range * row)
        return self._spreads[name, numbers]

    @functools.cached_property
    def _spreads(self) -> dict[tuple[str, Numbers], Tensor]:
        return {}

    @functools.cached_property
    def middles(self) -> Float[Tensor, "E H A"]:
        """The middle action at every step of every plan; not to be written to."""
        return self.plans(self.middle)

    @functools.cached_property
    def rest(self) -> Float[Tensor, "E H A"]:
        """Zeros, or the bound next to zero, at every step; not to be written to."""
        return self.clip(torch.zeros_like(self.middles))

    @functools.cached_property
    def bounds(self) -> tuple[Float[Tensor, "H A"], Float[Tensor, "H A"]]:
        """The bounds of every action of a plan, laid out."""
        return self.low.repeat(self.horizon, 1), self.high.repeat(self.horizon, 1)

    def clip(self, actions: Float[Tensor, "*batch H A"]) -> Float[Tensor, "*batch H A"]:
        """Clip actions into the bounds, in place; what is not finite becomes zero before that."""
        low, high = self.bounds
        return actions.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0).clamp_(low, high)
