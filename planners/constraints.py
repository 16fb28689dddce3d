"""Hard constraints: what a plan must respect before its return counts at all.

A constraint measures by how much each candidate breaks it: its violation, 0 where it is respected.
Planners rank feasible candidates before infeasible ones, infeasible ones by their violation, and
only then by the return.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.planners._candidates import require_shape
from hyperdyn.terms import Term

ConstraintFunction = Callable[[Tensor, Tensor], Tensor]
"""A constraint as a function: (states [E, N, H+1, S], actions [E, N, H, A]) -> violation [E, N]."""


@runtime_checkable
class Constraint(Protocol):
    """Anything that measures a violation; `StateBox` and `Clearance` do."""

    def violation(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """How far each candidate is from being feasible: at least 0; 0 is feasible.

        Anything below zero counts as zero, and true and false as one and zero. A candidate whose
        violation is not finite is not ranked.
        """


@runtime_checkable
class CompiledConstraint(Constraint, Protocol):
    """A constraint that rollout kernels can inline."""

    def violation_terms(self, state_dim: int) -> tuple[Term, ...] | None:
        """Hard terms that add up to the violation; None: none for states of this width."""


AnyConstraint = Constraint | ConstraintFunction
"""An object with a `violation`, or a plain function."""


def total_violation(
    constraints: Sequence[AnyConstraint],
    states: Float[Tensor, "E N T S"],
    actions: Float[Tensor, "E N H A"],
) -> Float[Tensor, "E N"]:
    """Sum of the constraints' violations, each at least zero.

    Raises:
        InputError: If a constraint returns anything but a tensor [E, N].
    """
    total = torch.zeros_like(states[:, :, 0, 0])
    for constraint in constraints:
        measure = constraint.violation if isinstance(constraint, Constraint) else constraint
        violation = measure(states, actions)
        mend = "one violation for each candidate; sum over the axes of time and state"
        what = f"The constraint {_name(constraint)} returned"
        require_shape(what, violation, tuple(states.shape[:2]), "E, N", mend)
        total = total + violation.to(total).clamp(min=0)
    return total


def violation_terms(
    constraints: Sequence[AnyConstraint], state_dim: int
) -> tuple[Term, ...] | None:
    """Hard terms of all constraints together; None if one of them has none."""
    together: list[Term] = []
    for constraint in constraints:
        if not isinstance(constraint, CompiledConstraint):
            return None
        terms = constraint.violation_terms(state_dim)
        if terms is None:
            return None
        together += terms
    return tuple(together)


def _name(constraint: AnyConstraint) -> str:
    return getattr(constraint, "__name__", type(constraint).__name__)
