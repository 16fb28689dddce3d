"""Proposals: where candidate action sequences come from, handed to a planner as an object."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.errors import InputError
from hyperdyn.planners import sampling
from hyperdyn.planners._numbers import Numbers, as_row, each, numbers, require_at_least


@runtime_checkable
class Proposal(Protocol):
    """Anything that proposes candidate action sequences for every system.

    The planner clips what comes back into the bounds, ranks a candidate with a number that is not
    finite below every other, and never changes the tensor it was given.
    """

    def propose(
        self,
        dynamics: Dynamics,
        state: Float[Tensor, "E S"],
        n: int,
        *,
        horizon: int,
        low: Float[Tensor, "A"],
        high: Float[Tensor, "A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "E n H A"]:
        """Propose `n` sequences of `horizon` actions for each system.

        Args:
            dynamics: The model planned with; a policy may be rolled out inside it.
            state: The state to plan from.
            n: Sequences per system.
            horizon: Actions in a sequence.
            low: Lower action bounds, on the dtype and device of `state`.
            high: Upper action bounds.
            generator: The only source of randomness.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Independent actions, uniform within the bounds (HyperDynamics, section 3.3)."""

    hold: int = 1
    """Steps for which each drawn action is held: 1 draws a fresh action every step."""

    def __post_init__(self) -> None:
        """Refuse a hold below one step."""
        require_at_least("hold", self.hold, 1)

    def propose(
        self,
        dynamics: Dynamics,
        state: Float[Tensor, "E S"],
        n: int,
        *,
        horizon: int,
        low: Float[Tensor, "A"],
        high: Float[Tensor, "A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "E n H A"]:
        """Propose `n` uniform sequences for each system; see `Proposal.propose`."""
        return sampling.uniform(
            len(state), n, horizon, low=low, high=high, generator=generator, hold=self.hold
        )


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """Independent Gaussian actions, in units of the bounds' half range about their middle."""

    mean: Numbers = 0.0
    """Mean action, for all dimensions or for each: 0 is the middle of the bounds, 1 is `high`."""
    std: Numbers = 0.5
    """Standard deviation, for all dimensions or for each: 1 is half the range."""
    hold: int = 1
    """Steps for which each drawn action is held: 1 draws a fresh action every step."""

    def __post_init__(self) -> None:
        """Read the numbers; refuse a negative deviation and a hold below one step."""
        object.__setattr__(self, "mean", numbers("mean", self.mean))
        object.__setattr__(self, "std", numbers("std", self.std))
        if min(each(self.std)) < 0:
            raise InputError(f"std must not be negative, got {self.std!r}.")
        require_at_least("hold", self.hold, 1)

    def propose(
        self,
        dynamics: Dynamics,
        state: Float[Tensor, "E S"],
        n: int,
        *,
        horizon: int,
        low: Float[Tensor, "A"],
        high: Float[Tensor, "A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "E n H A"]:
        """Propose `n` Gaussian sequences for each system; see `Proposal.propose`."""
        half = (high - low) / 2
        mean = (low + high) / 2 + half * as_row("mean", self.mean, len(low), low)
        std = half * as_row("std", self.std, len(low), low)
        return sampling.white_noise(
            len(state), n, horizon, mean=mean, std=std, generator=generator, hold=self.hold
        )
