"""Keeping clear of obstacles: a soft cost, or a hard constraint."""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._columns import read_columns, resolve, select
from hyperdyn.planners._numbers import require_range
from hyperdyn.planners.objectives import Objective
from hyperdyn.planners.obstacles import Obstacle
from hyperdyn.terms import Term, TermKind


@dataclass(frozen=True)
class Clearance(Objective):
    """Minus `weight` times the squared lack of clearance, summed over the states after each action.

    The lack is max(0, margin - d), with d the signed distance to the nearest obstacle. As an
    objective it is a soft cost, and a plan may cut a corner if that pays. As a constraint
    (`objective.subject_to(Clearance(...))`) it is hard, and `weight` plays no part. States count
    one by one: what moves far in a step can pass a thin obstacle between two of them.
    """

    columns: tuple[int, ...]
    """Columns of the state that hold the position (x, y) or (x, y, z); negative: from the end."""
    obstacles: tuple[Obstacle, ...]
    """At least one, of as many dimensions as columns."""
    margin: float = 0.0
    """Clearance wanted, at least 0, such as the radius of what moves; in the units of positions."""
    weight: float = 1.0
    """Cost of one squared unit lacking, at least 0."""

    def __post_init__(self) -> None:
        """Refuse obstacles that do not fit the columns, and a negative margin or weight."""
        object.__setattr__(self, "columns", read_columns(self.columns))
        if isinstance(self.obstacles, Obstacle):
            object.__setattr__(self, "obstacles", (self.obstacles,))
        object.__setattr__(self, "obstacles", tuple(self.obstacles))
        if not self.obstacles:
            raise InputError(
                "Clearance needs at least one obstacle; leave it out if there is none."
            )
        for obstacle in self.obstacles:
            if not isinstance(obstacle, Obstacle):
                raise InputError(
                    f"{obstacle!r} is no obstacle; give Sphere, Box, DistanceGrid, or a subclass "
                    "of Obstacle."
                )
            if obstacle.dimensions != len(self.columns):
                raise InputError(
                    f"{type(obstacle).__name__} has {obstacle.dimensions} dimensions, but columns "
                    f"names {len(self.columns)}: {self.columns}; name one for each dimension."
                )
        require_range("margin", self.margin, 0.0)
        require_range("weight", self.weight, 0.0)

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Cost of coming too near, as a return: zero or negative."""
        return -self.weight * self._lack(states).square().sum(dim=-1)

    def violation(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Clearance that lacks, summed over the states; zero where there is always enough."""
        return self._lack(states).sum(dim=-1)

    def terms(self, state_dim: int) -> tuple[Term, ...] | None:
        """One squared lack of clearance; None if an obstacle has no compiled form."""
        return self._terms(-self.weight, state_dim, hard=False)

    def violation_terms(self, state_dim: int) -> tuple[Term, ...] | None:
        """One lack of clearance; None if an obstacle has no compiled form."""
        return self._terms(1.0, state_dim, hard=True)

    def _lack(self, states: Float[Tensor, "E N T S"]) -> Float[Tensor, "E N H"]:
        points = select(self, self.columns, states)
        nearest = functools.reduce(torch.minimum, (o.distance(points) for o in self.obstacles))
        return (self.margin - nearest).clamp(min=0)

    def _terms(self, scale: float, state_dim: int, *, hard: bool) -> tuple[Term, ...] | None:
        columns = resolve(self, self.columns, state_dim)
        numbers = [np.array((self.margin, len(self.obstacles)), np.float32)]
        for obstacle in self.obstacles:
            compiled = obstacle.compiled()
            if compiled is None:
                return None
            kind, its = compiled
            numbers += [np.array((kind,), np.float32), its]
        return (Term(TermKind.CLEARANCE, scale, columns, np.concatenate(numbers), hard),)
