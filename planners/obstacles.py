"""Obstacles in the plane or in space, each as a signed distance: what keeps clear stays positive.

Any subclass of `Obstacle` with a `distance` serves; those here also have the compiled form that
rollout kernels inline. All of it is vectorised torch, on any dtype and device, differentiable.
"""

import functools
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._numbers import require_range
from hyperdyn.planners._rotations import (
    Rows,
    plane_rotation,
    quaternion_rotation,
    transposed,
    unit_quaternion,
)
from hyperdyn.terms import ObstacleKind


class Obstacle(ABC):
    """Something to keep clear of, in D = 2 or 3 dimensions, in the units of the positions."""

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """D."""

    @abstractmethod
    def distance(self, points: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch"]:
        """Signed distance of each point to the surface: negative inside."""

    def compiled(self) -> tuple[ObstacleKind, Float[np.ndarray, " M"]] | None:
        """Kind and numbers for a rollout kernel, as `hyperdyn.terms` says; None: it has none."""
        return None


@dataclass(frozen=True)
class Sphere(Obstacle):
    """A ball; in two dimensions, a disc."""

    centre: tuple[float, ...]
    """Two or three coordinates."""
    radius: float
    """Above 0."""

    def __post_init__(self) -> None:
        """Refuse what is no point of the plane or space, and a ball without inside."""
        object.__setattr__(self, "centre", _point("centre", self.centre))
        require_range("radius", self.radius, 0.0, open_below=True)

    @property
    def dimensions(self) -> int:
        """D."""
        return len(self.centre)

    def distance(self, points: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch"]:
        """Signed distance of each point to the sphere."""
        off: Tensor = torch.linalg.vector_norm(points - points.new_tensor(self.centre), dim=-1)
        return off - self.radius

    def compiled(self) -> tuple[ObstacleKind, Float[np.ndarray, " M"]]:
        """Centre and radius."""
        return ObstacleKind.SPHERE, np.array((*self.centre, self.radius), np.float32)


@dataclass(frozen=True)
class Box(Obstacle):
    """A box, turned about its centre; in two dimensions, a rectangle."""

    centre: tuple[float, ...]
    """Two or three coordinates."""
    half_sizes: tuple[float, ...]
    """From the centre to the faces, along the box's own axes; each above 0."""
    rotation: float | tuple[float, ...] | None = None
    """From the box's axes to the world's: an angle in radians in two dimensions, a quaternion
    (x, y, z, w) in three (kept at unit length); None: not turned."""

    def __post_init__(self) -> None:
        """Refuse what is no point, no size or no rotation of the plane or space."""
        object.__setattr__(self, "centre", _point("centre", self.centre))
        object.__setattr__(self, "half_sizes", _point("half_sizes", self.half_sizes))
        if len(self.half_sizes) != len(self.centre) or min(self.half_sizes) <= 0:
            raise InputError(
                f"half_sizes must be {len(self.centre)} numbers above 0, one for each coordinate "
                f"of the centre; got {self.half_sizes!r}."
            )
        if self.rotation is None:
            return
        if len(self.centre) == 3:
            object.__setattr__(self, "rotation", unit_quaternion("rotation", self.rotation))
        elif not isinstance(self.rotation, int | float) or not math.isfinite(self.rotation):
            raise InputError(
                "rotation must be an angle in radians for a box in two dimensions; got "
                f"{self.rotation!r}."
            )

    @property
    def dimensions(self) -> int:
        """D."""
        return len(self.centre)

    def distance(self, points: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch"]:
        """Signed distance of each point to the box's surface."""
        along = points - points.new_tensor(self.centre)
        if self.rotation is not None:
            along = along @ along.new_tensor(self._to_box).mT
        beyond = along.abs() - along.new_tensor(self.half_sizes)
        outside: Tensor = torch.linalg.vector_norm(beyond.clamp(min=0), dim=-1)
        return outside + beyond.amax(dim=-1).clamp(max=0)

    def compiled(self) -> tuple[ObstacleKind, Float[np.ndarray, " M"]]:
        """Centre, half sizes, and the rotation from the world's axes to the box's, row by row."""
        rotation = itertools.chain.from_iterable(self._to_box)
        return ObstacleKind.BOX, np.array((*self.centre, *self.half_sizes, *rotation), np.float32)

    @functools.cached_property
    def _to_box(self) -> Rows:
        if isinstance(self.rotation, tuple):
            return transposed(quaternion_rotation(self.rotation))
        if self.rotation is not None:
            return transposed(plane_rotation(self.rotation))
        axes = range(self.dimensions)
        return tuple(tuple(float(row == column) for column in axes) for row in axes)


@dataclass(frozen=True, eq=False)
class DistanceGrid(Obstacle):
    """Any shape, as signed distances at the points of a grid: interpolated multilinearly between.

    Beyond the grid it is √(max(d, 0)² + e²), with d at the nearest point of the grid's border and e
    the distance to there: never more than the true distance if all that is solid lies on the grid.

    From a boolean array `solid`, one cell a point (SciPy):
    `spacing * (distance_transform_edt(~solid) - distance_transform_edt(solid))`.
    """

    values: Float[Tensor, "*points"] | Float[np.ndarray, "*points"]
    """Signed distances, negative inside, at two or more points along each axis (values[i, j] or
    values[i, j, k] for x, y or x, y, z). Copied; its dtype and device are best those planned with.
    """
    origin: tuple[float, ...]
    """Coordinates of the first point."""
    spacing: float
    """Between neighbouring points, along every axis; above 0."""

    def __post_init__(self) -> None:
        """Copy the values, and refuse what is no grid of distances."""
        given = self.values
        copied = given.detach().clone() if isinstance(given, Tensor) else np.array(given)
        values = torch.as_tensor(copied).contiguous()
        if not values.is_floating_point():
            raise InputError(
                f"values must be signed distances as floating-point numbers, got {values.dtype}; "
                "the class docstring makes them from a boolean array."
            )
        if values.ndim not in (2, 3) or min(values.shape) < 2:
            raise InputError(
                "values must have two or three axes with at least two points along each; got an "
                f"array of shape {tuple(values.shape)}."
            )
        if not values.isfinite().all():
            raise InputError(
                "values must be finite, and some are not; give points that are far from everything "
                "a large distance."
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "origin", _point("origin", self.origin))
        if len(self.origin) != values.ndim:
            raise InputError(
                f"origin has {len(self.origin)} coordinates for a grid of {values.ndim} axes; give "
                "one for each."
            )
        require_range("spacing", self.spacing, 0.0, open_below=True)

    @property
    def dimensions(self) -> int:
        """D."""
        return len(self.origin)

    def distance(self, points: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch"]:
        """Signed distance of each point, interpolated; not a number where the point is none."""
        values = torch.as_tensor(self.values).to(points)
        last = points.new_tensor(values.shape) - 1
        place = (points - points.new_tensor(self.origin)) / self.spacing
        held = place.clamp(torch.zeros_like(last), last)
        cell = held.detach().nan_to_num(0.0).floor().minimum(last - 1)
        steps = torch.tensor(values.stride(), device=points.device)
        first = (cell.long() * steps).sum(dim=-1, keepdim=True)
        corners = torch.tensor(list(itertools.product((0, 1), repeat=self.dimensions)))
        around = values.flatten()[first + (corners.to(steps) * steps).sum(dim=-1)]
        for axis in range(self.dimensions):
            lower, upper = around.chunk(2, dim=-1)
            around = torch.lerp(lower, upper, (held - cell)[..., axis, None])
        there = around[..., 0]
        sides = (there.clamp(min=0)[..., None], self.spacing * (place - held))
        beyond: Tensor = torch.linalg.vector_norm(torch.cat(sides, dim=-1), dim=-1)
        return torch.where((place == held).all(dim=-1), there, beyond)

    def compiled(self) -> tuple[ObstacleKind, Float[np.ndarray, " M"]]:
        """First point, spacing, points along each axis, and the distances."""
        values = torch.as_tensor(self.values)
        head = np.array((*self.origin, self.spacing, *values.shape), np.float32)
        flat = values.to("cpu", torch.float32).flatten().numpy()
        return ObstacleKind.GRID, np.concatenate((head, flat))


def _point(name: str, value: object) -> tuple[float, ...]:
    """Read two or three finite numbers."""
    read: tuple[float, ...] = ()
    if isinstance(value, Sequence | np.ndarray | Tensor) and not isinstance(value, str):
        try:
            read = tuple(float(number) for number in value)
        except (TypeError, ValueError):
            read = ()
    if len(read) not in (2, 3) or not all(map(math.isfinite, read)):
        raise InputError(
            f"{name} must be two or three finite numbers, such as (0.0, 1.0); got {value!r}."
        )
    return read
