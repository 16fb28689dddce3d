"""The objective of reaching a pose: a position and an orientation at once."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._columns import one_each, read_columns, read_for_columns, resolve, select
from hyperdyn.planners._numbers import each, require_range
from hyperdyn.planners._rotations import unit_quaternion
from hyperdyn.planners.objectives import Objective
from hyperdyn.terms import Term, TermKind


@dataclass(frozen=True, kw_only=True)
class GoalPose(Objective):
    """Minus the weighted squared distance to a pose, summed over the states after each action.

    The position counts as in `GoalPosition`. The orientation q counts 4 (1 - (q·g)² / ‖q‖²), which
    is 4 sin²(θ/2) for the angle θ between q and the target g: θ² where θ is small, at most 4. It
    does not tell q from -q, which are the same rotation, and does not mind the length of q.
    """

    position_columns: tuple[int, ...]
    """Columns of the state that hold the position; negative ones count from the end."""
    orientation_columns: tuple[int, ...]
    """The four columns that hold the orientation, a quaternion (x, y, z, w)."""
    position: float | tuple[float, ...]
    """Target position, in the units of the state: one number for all columns, or one for each."""
    orientation: tuple[float, ...]
    """Target orientation (x, y, z, w), of any length but zero; kept as a unit quaternion."""
    position_weights: float | tuple[float, ...] = 1.0
    """Cost of one squared unit off, at least 0: one number for all columns, or one for each."""
    orientation_weight: float = 1.0
    """Cost of one squared radian off, at least 0."""

    def __post_init__(self) -> None:
        """Refuse numbers that do not fit the columns, what is no rotation, negative weights."""
        for name in ("position_columns", "orientation_columns"):
            object.__setattr__(self, name, read_columns(getattr(self, name), name))
        if len(self.orientation_columns) != 4:
            raise InputError(
                "orientation_columns must be the four columns of a quaternion (x, y, z, w); got "
                f"{self.orientation_columns!r}."
            )
        for name in ("position", "position_weights"):
            read = read_for_columns(name, getattr(self, name), self.position_columns)
            object.__setattr__(self, name, read)
        if min(each(self.position_weights)) < 0:
            raise InputError(
                f"position_weights must not be negative, got {self.position_weights!r}."
            )
        object.__setattr__(self, "orientation", unit_quaternion("orientation", self.orientation))
        require_range("orientation_weight", self.orientation_weight, 0.0)

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Nearness of each trajectory to the pose: zero or negative."""
        x = select(self, self.position_columns, states)
        off = (x - x.new_tensor(self.position)).square() * x.new_tensor(self.position_weights)
        q = select(self, self.orientation_columns, states)
        g = q.new_tensor(self.orientation)
        # The part of q across g: the formula above, without its cancellation near the target.
        across = q - (q * g).sum(dim=-1, keepdim=True) * g
        turned = 4.0 * across.square().sum(dim=-1) / q.square().sum(dim=-1)
        return -off.sum(dim=(-2, -1)) - self.orientation_weight * turned.sum(dim=-1)

    def terms(self, state_dim: int) -> tuple[Term, ...]:
        """A weighted squared distance and an orientation."""
        at = resolve(self, self.position_columns, state_dim)
        values = (one_each(v, at) for v in (self.position, self.position_weights))
        position = np.array(tuple(values), np.float32).ravel()
        turned = resolve(self, self.orientation_columns, state_dim)
        orientation = np.array(self.orientation, np.float32)
        return (
            Term(TermKind.DISTANCE, -1.0, at, position),
            Term(TermKind.ORIENTATION, -self.orientation_weight, turned, orientation),
        )
