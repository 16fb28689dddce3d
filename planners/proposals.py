"""Proposals: where candidate action sequences come from, handed to a planner as an object."""

from dataclasses import dataclass
from typing import Protocol, get_args, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.errors import InputError, require_known
from hyperdyn.planners import sampling
from hyperdyn.planners._numbers import (
    Numbers,
    as_row,
    each,
    numbers,
    require_at_least,
    require_range,
)


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
        knots = -(-horizon // self.hold)
        within = (low.repeat(knots, 1), high.repeat(knots, 1))
        drawn = sampling.uniform(len(state), n, within=within, generator=generator)
        return sampling.held(drawn, horizon, self.hold)


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
        _read_mean_and_std(self)
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
        mean, std = _in_bounds(self, low, high)
        return sampling.white_noise(
            len(state), n, horizon, mean=mean, std=std, generator=generator, hold=self.hold
        )


@dataclass(frozen=True, kw_only=True)
class ColouredNoise:
    """Gaussian actions that hang together in time, in units as `Gaussian` (iCEM, section 3.1)."""

    exponent: float = 1.0
    """β: a power spectrum of 1/frequency^β; 0 is white, 1 pink, 2 that of a random walk."""
    mean: Numbers = 0.0
    """Mean action, for all dimensions or for each: 0 is the middle of the bounds, 1 is `high`."""
    std: Numbers = 0.5
    """Standard deviation at every step, for all dimensions or for each: 1 is half the range."""

    def __post_init__(self) -> None:
        """Read the numbers; refuse a negative exponent and a negative deviation."""
        require_range("exponent", self.exponent, 0.0)
        _read_mean_and_std(self)

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
        """Propose `n` sequences of coloured noise for each system; see `Proposal.propose`."""
        mean, std = (row.repeat(len(state), horizon, 1) for row in _in_bounds(self, low, high))
        return sampling.coloured(mean, std, n, exponent=self.exponent, generator=generator)


@dataclass(frozen=True, kw_only=True)
class SplineKnots:
    """Splines through Gaussian knots, even in time, in units as `Gaussian`."""

    knots: int = 4
    """Knots, at least 2; the first is the first action, the last one the last."""
    interpolation: sampling.Interpolation = "cubic"
    """Between the knots: "linear", or "cubic" (natural; may pass the knots, and is clipped)."""
    mean: Numbers = 0.0
    """Mean knot, for all dimensions or for each: 0 is the middle of the bounds, 1 is `high`."""
    std: Numbers = 0.5
    """Standard deviation of a knot, for all dimensions or for each: 1 is half the range."""

    def __post_init__(self) -> None:
        """Read the numbers; refuse too few knots, other interpolations, a negative deviation."""
        require_at_least("knots", self.knots, 2)
        require_known("interpolation", self.interpolation, get_args(sampling.Interpolation))
        _read_mean_and_std(self)

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
        """Propose `n` splines for each system; see `Proposal.propose`."""
        mean, std = _in_bounds(self, low, high)
        knots = sampling.white_noise(
            len(state), n, self.knots, mean=mean, std=std, generator=generator
        )
        return sampling.spline(knots, horizon, self.interpolation)


def _read_mean_and_std(proposal: Gaussian | ColouredNoise | SplineKnots) -> None:
    object.__setattr__(proposal, "mean", numbers("mean", proposal.mean))
    object.__setattr__(proposal, "std", numbers("std", proposal.std))
    if min(each(proposal.std)) < 0:
        raise InputError(f"std must not be negative, got {proposal.std!r}.")


def _in_bounds(
    proposal: Gaussian | ColouredNoise | SplineKnots,
    low: Float[Tensor, "A"],
    high: Float[Tensor, "A"],
) -> tuple[Float[Tensor, "A"], Float[Tensor, "A"]]:
    """Mean and deviation in units of actions."""
    half = (high - low) / 2
    mean = (low + high) / 2 + half * as_row("mean", proposal.mean, len(low), low)
    return mean, half * as_row("std", proposal.std, len(low), low)
