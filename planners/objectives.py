"""Objectives: whole trajectories to returns, in one vectorised call; returns are maximised.

Any function `(states[E, N, H+1, S], actions[E, N, H, A]) -> returns[E, N]` is an objective. Those
here also add and scale: `ForwardVelocity(index=0, dt=0.01) + 2.0 * ControlCost(weight=0.05)`, and
take hard constraints: `objective.subject_to(StateBox((2,), low=0.1))`.
"""

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._columns import resolve
from hyperdyn.planners._numbers import require_range
from hyperdyn.planners.constraints import (
    AnyConstraint,
    Constraint,
    total_violation,
    violation_terms,
)
from hyperdyn.terms import Term, TermKind, TermTable

ObjectiveFunction = Callable[[Tensor, Tensor], Tensor]
"""What a planner maximises: (states [E, N, H+1, S], actions [E, N, H, A]) -> returns [E, N]."""


class Objective(ABC):
    """An objective that adds to any other (a plain function too) and multiplies by a number.

    An objective is a value: what it returns does not change once it is made.
    """

    @abstractmethod
    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Return of every trajectory; T = H + 1, and `states[:, :, 0]` is the given state."""

    def terms(self, state_dim: int) -> tuple[Term, ...] | None:
        """The same returns as terms that rollout kernels inline; None: it has no such form.

        Args:
            state_dim: S, the width of the states.

        Raises:
            InputError: If it reads a column that such states do not have.
        """
        return None

    def table(self, state_dim: int) -> TermTable | None:
        """Its terms laid out for the kernels, once for each width of the states.

        Raises:
            InputError: As `terms`.
        """
        if state_dim not in self._tables:
            terms = self.terms(state_dim)
            self._tables[state_dim] = None if terms is None else TermTable.of(terms)
        return self._tables[state_dim]

    @functools.cached_property
    def _tables(self) -> dict[int, TermTable | None]:
        return {}

    def subject_to(self, *constraints: AnyConstraint) -> "Constrained":
        """This objective among the candidates that respect all of the constraints.

        Args:
            constraints: Objects with a `violation`, such as `StateBox` and `Clearance`, or plain
                functions (states [E, N, H+1, S], actions [E, N, H, A]) -> violation [E, N], at
                least 0; 0 is feasible.

        Raises:
            InputError: If there are none, or one is neither.
        """
        return Constrained(self, constraints)

    def __add__(self, other: ObjectiveFunction) -> "Objective":
        """Sum of two objectives; hard constraints of either are kept."""
        return _sum(self, other) if callable(other) else NotImplemented

    def __radd__(self, other: ObjectiveFunction) -> "Objective":
        """Sum of a plain function and this objective."""
        return _sum(other, self) if callable(other) else NotImplemented

    def __mul__(self, factor: int | float) -> "Objective":
        """This objective times a number; hard constraints stay as they are."""
        return Scaled(self, float(factor)) if isinstance(factor, int | float) else NotImplemented

    def __rmul__(self, factor: int | float) -> "Objective":
        """A number times this objective."""
        return self * factor


@dataclass(frozen=True)
class Sum(Objective):
    """The sum of several objectives; written with `+`."""

    parts: tuple[ObjectiveFunction, ...]

    def __post_init__(self) -> None:
        """Refuse a sum of nothing, and one that would lose constraints."""
        if not self.parts:
            raise InputError("A sum of objectives needs at least one.")
        _refuse_constrained(self, *self.parts)

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Add up what the parts return."""
        total = self.parts[0](states, actions)
        for part in self.parts[1:]:
            total = total + part(states, actions)
        return total

    def terms(self, state_dim: int) -> tuple[Term, ...] | None:
        """Terms of all parts; None if one of them has none."""
        together: list[Term] = []
        for part in self.parts:
            terms = _terms(part, state_dim)
            if terms is None:
                return None
            together += terms
        return tuple(together)


@dataclass(frozen=True)
class Scaled(Objective):
    """An objective times a finite number; written with `*`."""

    part: ObjectiveFunction
    factor: float

    def __post_init__(self) -> None:
        """Refuse a factor that makes every return non-finite, and what would lose constraints."""
        if not math.isfinite(self.factor):
            raise InputError(f"An objective is scaled by a finite number, got {self.factor!r}.")
        _refuse_constrained(self, self.part)

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Scale what the part returns."""
        return self.factor * self.part(states, actions)

    def terms(self, state_dim: int) -> tuple[Term, ...] | None:
        """Terms of the part, scaled; None if it has none."""
        terms = _terms(self.part, state_dim)
        return None if terms is None else tuple(term.scaled(self.factor) for term in terms)


@dataclass(frozen=True)
class Constrained(Objective):
    """An objective with hard constraints; written with `subject_to`.

    Planners rank candidates that respect all constraints first, the others by how far they are
    from it, and only then by the return. Adding objectives and scaling change the return and leave
    the constraints as they are.
    """

    objective: ObjectiveFunction
    """What is maximised."""
    constraints: tuple[AnyConstraint, ...]
    """What must hold; their violations add up, so choose units in which they compare."""

    def __post_init__(self) -> None:
        """Refuse what is no constraint, and take over those of an objective that has some."""
        if not self.constraints:
            raise InputError("subject_to needs at least one constraint.")
        for constraint in self.constraints:
            measured = isinstance(constraint, Constraint)
            if not measured and (isinstance(constraint, Objective) or not callable(constraint)):
                raise InputError(
                    f"{constraint!r} is no constraint: give an object with a method violation("
                    "states, actions), such as StateBox or Clearance, or a function that returns "
                    "violations [E, N] of at least 0."
                )
        if isinstance(self.objective, Constrained):
            inner = self.objective
            object.__setattr__(self, "objective", inner.objective)
            object.__setattr__(self, "constraints", inner.constraints + self.constraints)

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Return of every trajectory, whether or not it respects the constraints."""
        return self.objective(states, actions)

    def violation(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Sum of the constraints' violations: at least 0; 0 is feasible.

        Raises:
            InputError: If a constraint returns anything but a tensor [E, N].
        """
        return total_violation(self.constraints, states, actions)

    def violation_terms(self, state_dim: int) -> tuple[Term, ...] | None:
        """Hard terms of the constraints; None if one of them has none."""
        return violation_terms(self.constraints, state_dim)

    def terms(self, state_dim: int) -> tuple[Term, ...] | None:
        """Terms of the objective, then the hard ones; None if a part or a constraint has none."""
        terms, hard = _terms(self.objective, state_dim), self.violation_terms(state_dim)
        return None if terms is None or hard is None else terms + hard

    def __mul__(self, factor: int | float) -> Objective:
        """The objective times a number, under the same constraints."""
        if not isinstance(factor, int | float):
            return NotImplemented
        return Constrained(Scaled(self.objective, float(factor)), self.constraints)


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
        position = states[..., self._column(states.shape[-1])]
        return (position[..., -1] - position[..., 0]) / self.dt

    def terms(self, state_dim: int) -> tuple[Term, ...]:
        """One change of position."""
        return (Term(TermKind.CHANGE, 1 / self.dt, (self._column(state_dim),)),)

    def _column(self, width: int) -> int:
        mend = "name the column that holds the position along the track"
        return resolve(self, (self.index,), width, mend)[0]


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

    def terms(self, state_dim: int) -> tuple[Term, ...]:
        """One sum over the actions."""
        return (Term(TermKind.CONTROL, -self.weight),)


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

    def terms(self, state_dim: int) -> tuple[Term, ...]:
        """One sum over the changes."""
        return (Term(TermKind.SMOOTHNESS, -self.weight),)


def _terms(objective: ObjectiveFunction, state_dim: int) -> tuple[Term, ...] | None:
    return objective.terms(state_dim) if isinstance(objective, Objective) else None


def _sum(*summands: ObjectiveFunction) -> Objective:
    """Add objectives up, without nesting sums, under the constraints of all."""
    parts: list[ObjectiveFunction] = []
    constraints: list[AnyConstraint] = []
    for summand in summands:
        if isinstance(summand, Constrained):
            constraints += summand.constraints
            summand = summand.objective
        parts += summand.parts if isinstance(summand, Sum) else (summand,)
    total = Sum(tuple(parts))
    return Constrained(total, tuple(constraints)) if constraints else total


def _refuse_constrained(whole: Sum | Scaled, *parts: ObjectiveFunction) -> None:
    if any(isinstance(part, Constrained) for part in parts):
        raise InputError(
            f"{type(whole).__name__} would lose the constraints of its part; write + or *, which "
            "keep them, or call subject_to last."
        )
