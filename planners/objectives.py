"""Objectives: whole trajectories to returns, in one vectorised call; returns are maximised.

Any function `(states[E, N, H+1, S], actions[E, N, H, A]) -> returns[E, N]` is an objective. Those
here also add and scale: `ForwardVelocity(index=0, dt=0.01) + 2.0 * ControlCost(weight=0.05)`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._numbers import require_range

ObjectiveFunction = Callable[[Tensor, Tensor], Tensor]
"""What a planner maximises: (states [E, N, H+1, S], actions [E, N, H, A]) -> returns [E, N]."""


class Objective(ABC):
    """An objective that adds to any other (a plain function too) and multiplies by a number."""

    @abstractmethod
    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Return of every trajectory; T = H + 1, and `states[:, :, 0]` is the given state."""

    def __add__(self, other: ObjectiveFunction) -> "Objective":
        """Sum of two objectives."""
        return Sum((*_terms(self), *_terms(other))) if callable(other) else NotImplemented

    def __radd__(self, other: ObjectiveFunction) -> "Objective":
        """Sum of a plain function and this objective."""
        return Sum((*_terms(other), *_terms(self))) if callable(other) else NotImplemented

    def __mul__(self, factor: int | float) -> "Objective":
        """This objective times a number."""
        return Scaled(self, float(factor)) if isinstance(factor, int | float) else NotImplemented

    __rmul__ = __mul__


@dataclass(frozen=True)
class Sum(Objective):
    """The sum of several objectives; written with `+`."""

    terms: tuple[ObjectiveFunction, ...]

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Add up what the terms return."""
        total = self.terms[0](states, actions)
        for term in self.terms[1:]:
            total = total + term(states, actions)
        return total


@dataclass(frozen=True)
class Scaled(Objective):
    """An objective times a finite number; written with `*`."""

    term: ObjectiveFunction
    factor: float

    def __post_init__(self) -> None:
        """Refuse a factor that would make every return non-finite."""
        if not math.isfinite(self.factor):
            raise InputError(f"An objective is scaled by a finite number, got {self.factor!r}.")

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Scale what the term returns."""
        return self.factor * self.term(states, actions)


@dataclass(frozen=True)
class ForwardVelocity(Objective):
    """Sum over steps of (x[t+1] - x[t]) / dt (HyperDynamics, appendix A.2).

    The sum telescopes, so only the first and the last state are read.
    """

    index: int
    """Column of the state that holds the position x, in metres; negative counts from the end."""
    dt: float
    """Seconds a control step lasts."""

    def __post_init__(self) -> None:
        """Refuse a step that does not last."""
        require_range("dt", self.dt, 0.0, open_below=True)

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Distance covered in each trajectory over `dt`, in m/s summed over the steps."""
        width = states.shape[-1]
        if not -width <= self.index < width:
            raise InputError(
                f"ForwardVelocity reads state column {self.index}, but states have {width} "
                "columns; name the column that holds the position along the track."
            )
        position = states[..., self.index]
        return (position[..., -1] - position[..., 0]) / self.dt


@dataclass(frozen=True)
class ControlCost(Objective):
    """Minus `weight` times the sum over steps of ||a[t]||^2 (HyperDynamics, section 4.2)."""

    weight: float = 0.05
    """Cost of one squared unit of action, at least 0; the paper's tasks have 0.05."""

    def __post_init__(self) -> None:
        """Refuse a cost that would reward large actions."""
        require_range("weight", self.weight, 0.0)

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Cost of each action sequence, as a return: zero or negative."""
        norm: Tensor = torch.linalg.vector_norm(actions.flatten(start_dim=2), dim=-1)
        return -self.weight * norm.square()


@dataclass(frozen=True)
class SmoothnessCost(Objective):
    """Minus `weight` times the sum over steps of ||a[t] - a[t-1]||^2, from the second step on."""

    weight: float = 0.05
    """Cost of one squared unit of change in action, at least 0."""

    def __post_init__(self) -> None:
        """Refuse a cost that would reward changes."""
        require_range("weight", self.weight, 0.0)

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Cost of each action sequence, as a return: zero or negative."""
        return -self.weight * actions.diff(dim=2).square().sum(dim=(-2, -1))


def _terms(objective: ObjectiveFunction) -> tuple[ObjectiveFunction, ...]:
    return objective.terms if isinstance(objective, Sum) else (objective,)
