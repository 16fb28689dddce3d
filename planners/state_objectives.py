"""Objectives that read the state: where it should be, where it should stay, what it is worth."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._candidates import require_shape
from hyperdyn.planners._numbers import each, numbers
from hyperdyn.planners.objectives import Objective


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
        _read_columns(self)
        for name in ("target", "weights"):
            object.__setattr__(self, name, _for_columns(self, name, getattr(self, name)))
        if min(each(self.weights)) < 0:
            raise InputError(f"weights must not be negative, got {self.weights!r}.")

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Nearness of each trajectory to the target: zero or negative."""
        reached = _select(self, states)
        off = (reached - reached.new_tensor(self.target)).square()
        return -(off * reached.new_tensor(self.weights)).sum(dim=(-2, -1))


@dataclass(frozen=True)
class StateBox(Objective):
    """Minus `weight` times the squared distance outside a box, summed over states and columns.

    A soft cost: it is zero inside, and a plan may leave the box if that pays.
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
        _read_columns(self)
        for name in ("low", "high"):
            bound = getattr(self, name)
            if not isinstance(bound, int | float) or not math.isinf(bound):
                object.__setattr__(self, name, _for_columns(self, name, bound, unbounded=True))
        for column, low, high in zip(
            self.columns, self._each(self.low), self._each(self.high), strict=True
        ):
            if low > high:
                raise InputError(
                    f"The box is empty: for state column {column} low is {low:g} and high is "
                    f"{high:g}; low must not exceed high."
                )
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise InputError(f"weight must be finite, at least 0; got {self.weight!r}.")

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Cost of what each trajectory does outside the box, as a return: zero or negative."""
        reached = _select(self, states)
        below = (reached.new_tensor(self.low) - reached).clamp(min=0)
        above = (reached - reached.new_tensor(self.high)).clamp(min=0)
        return -self.weight * (below + above).square().sum(dim=(-2, -1))

    def _each(self, bound: float | tuple[float, ...]) -> tuple[float, ...]:
        return bound if isinstance(bound, tuple) else (bound,) * len(self.columns)


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


def _read_columns(objective: GoalPosition | StateBox) -> None:
    columns = objective.columns
    given = tuple(columns) if isinstance(columns, Sequence) else ()
    if not given or not all(type(column) is int for column in given):
        raise InputError(
            f"columns must be one or more whole numbers, such as (0, 1); got {columns!r}."
        )
    object.__setattr__(objective, "columns", given)


def _for_columns(
    objective: GoalPosition | StateBox, name: str, value: object, *, unbounded: bool = False
) -> float | tuple[float, ...]:
    """Read one number for all columns, or one for each."""
    try:
        read = numbers(name, value)
    except InputError:
        if not unbounded or not isinstance(value, Sequence) or isinstance(value, str):
            raise
        numbers(name, [0.0 if bound in (math.inf, -math.inf) else bound for bound in value])
        read = tuple(map(float, value))
    if isinstance(read, tuple) and len(read) != len(objective.columns):
        raise InputError(
            f"{name} has {len(read)} numbers for {len(objective.columns)} columns; give one "
            "number for each, or a single number that holds for all."
        )
    return read


def _select(
    objective: GoalPosition | StateBox, states: Float[Tensor, "E N T S"]
) -> Float[Tensor, "E N H C"]:
    """The columns of all states but the given one."""
    width = states.shape[-1]
    missing = [column for column in objective.columns if not -width <= column < width]
    if missing:
        raise InputError(
            f"{type(objective).__name__} reads state column {missing[0]}, but states have {width} "
            "columns; name columns that are there."
        )
    index = torch.tensor(objective.columns, device=states.device) % width
    return states[:, :, 1:].index_select(-1, index)
