"""Objectives that read the state: where it should be, where it should stay, what it is worth."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._candidates import require_shape
from hyperdyn.planners._columns import one_each, read_columns, read_for_columns, resolve, select
from hyperdyn.planners._numbers import each, require_range
from hyperdyn.planners.objectives import Objective
from hyperdyn.terms import Term, TermKind


@dataclass(frozen=True)
class GoalPosition(Objective):
    """Minus the weighted squared distance to a target, summed over the states after each action."""

    columns: tuple[int, ...]
    """Columns of the state to compare, such as x, y, z; negative ones count from the end."""
    target: float | tuple[float, ...]
    """Where they should be, in the units of the state: one number for all, or one for each."""
    weights: float | tuple[float, ...] = 1.0
    """Cost of one squared unit off, at least 0: one number for all columns, or one for each."""

    def __post_init__(self) -> None:
        """Refuse numbers that do not fit the columns and a cost that would reward distance."""
        object.__setattr__(self, "columns", read_columns(self.columns))
        for name in ("target", "weights"):
            read = read_for_columns(name, getattr(self, name), self.columns)
            object.__setattr__(self, name, read)
        if min(each(self.weights)) < 0:
            raise InputError(f"weights must not be negative, got {self.weights!r}.")

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Nearness of each trajectory to the target: zero or negative."""
        reached = select(self, self.columns, states)
        off = (reached - reached.new_tensor(self.target)).square()
        return -(off * reached.new_tensor(self.weights)).sum(dim=(-2, -1))

    def terms(self, state_dim: int) -> tuple[Term, ...]:
        """One weighted squared distance."""
        targets, weights = (one_each(value, self.columns) for value in (self.target, self.weights))
        numbers = np.array(targets + weights, np.float32)
        columns = resolve(self, self.columns, state_dim)
        return (Term(TermKind.DISTANCE, -1.0, columns, numbers),)


@dataclass(frozen=True)
class StateBox(Objective):
    """Minus `weight` times the squared distance outside a box, summed over states and columns.

    As an objective it is a soft cost: zero inside, and a plan may leave the box if that pays. As a
    constraint (`objective.subject_to(StateBox(...))`) it is hard, and `weight` plays no part.
    """

    columns: tuple[int, ...]
    """Columns of the state to keep inside; negative ones count from the end."""
    low: float | tuple[float, ...] = -math.inf
    """Lower bound for all columns or for each, in their units; minus infinity: none."""
    high: float | tuple[float, ...] = math.inf
    """Upper bound for all columns or for each, in their units; infinity: none."""
    weight: float = 1.0
    """Cost of one squared unit outside, at least 0."""

    def __post_init__(self) -> None:
        """Refuse bounds that do not fit the columns, bounds that cross, and a negative weight."""
        object.__setattr__(self, "columns", read_columns(self.columns))
        for name in ("low", "high"):
            bound = getattr(self, name)
            if not isinstance(bound, int | float) or not math.isinf(bound):
                read = read_for_columns(name, bound, self.columns, unbounded=True)
                object.__setattr__(self, name, read)
        for column, low, high in zip(self.columns, *self._bounds(), strict=True):
            if low > high:
                raise InputError(
                    f"The box is empty: for state column {column} low is {low:g} and high is "
                    f"{high:g}; low must not exceed high."
                )
        require_range("weight", self.weight, 0.0)

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Cost of what each trajectory does outside the box, as a return: zero or negative."""
        return -self.weight * self._outside(states).square().sum(dim=(-2, -1))

    def violation(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Distance outside the box, summed over states and columns; zero where it never leaves."""
        return self._outside(states).sum(dim=(-2, -1))

    def terms(self, state_dim: int) -> tuple[Term, ...]:
        """One squared distance outside."""
        return (self._term(-self.weight, state_dim, hard=False),)

    def violation_terms(self, state_dim: int) -> tuple[Term, ...]:
        """One distance outside."""
        return (self._term(1.0, state_dim, hard=True),)

    def _outside(self, states: Float[Tensor, "E N T S"]) -> Float[Tensor, "E N H C"]:
        reached = select(self, self.columns, states)
        below = (reached.new_tensor(self.low) - reached).clamp(min=0)
        above = (reached - reached.new_tensor(self.high)).clamp(min=0)
        return below + above

    def _term(self, scale: float, state_dim: int, *, hard: bool) -> Term:
        low, high = self._bounds()
        numbers = np.array(low + high, np.float32)
        columns = resolve(self, self.columns, state_dim)
        return Term(TermKind.OUTSIDE, scale, columns, numbers, hard)

    def _bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return one_each(self.low, self.columns), one_each(self.high, self.columns)


@dataclass(frozen=True)
class Terminal(Objective):
    """What the last state is worth, beyond the horizon: any value function of states [E, N, S]."""

    value: Callable[[Tensor], Tensor]
    """Last states [E, N, S] to values [E, N], in units of the return."""

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Value of each trajectory's last state.

        Raises:
            InputError: If the value function returns anything but a tensor [E, N].
        """
        value = self.value(states[:, :, -1])
        wanted = tuple(states.shape[:2])
        mend = "one value for each last state; drop the axis of a network with one output"
        return require_shape("The terminal value returned", value, wanted, "E, N", mend)
