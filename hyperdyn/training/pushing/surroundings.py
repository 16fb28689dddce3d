"""What a planner is told of the table: an outline, obstacles, the way to the goal around them."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import distance_transform_edt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from hyperdyn.envs.pushing.world import TABLE_SIDE
from hyperdyn.errors import InputError
from hyperdyn.planners import Box, DistanceGrid, Obstacle
from hyperdyn.pushing.state import POSITION
from hyperdyn.pushing.state import ROD as TIP

OBJECT = slice(POSITION.start, POSITION.start + 2)
"""Columns of the state: the object's x and y."""
ROD = slice(TIP.start, TIP.start + 2)
"""Columns of the state: the rod's x and y."""

CELL = 0.01
"""Between the points of a way's grid, m."""
FINE_CELL = 0.005
"""Between the points of a distance grid, m."""
ROUNDNESS = 1.1
"""A disc with this many times half the longer side of an object's box holds most objects: for a
disc it would be 1, for a rectangle that lies straight up to 1.41, for one that lies across, 1."""

_REACH = TABLE_SIDE / 2 + 0.06  # of the grids from the table's centre, m
_SLOW = 8.0  # times longer than it is does a way seem where there is no room
_OPAQUE = 0.5  # of a decoded view


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The pushed object and what stands about it, as it was seen."""

    half_sizes: tuple[float, float]
    """Of the object's box in x and y, m."""
    outline: Float[Tensor, "P 2"]
    """Points of the object about its position, turned as it was seen, m."""
    radius: float
    """Room around each of those points that the object takes, m."""
    yaw: float
    """Of the object when it was seen, radians."""
    obstacles: tuple[Obstacle, ...]
    """What it must not touch."""

    @property
    def reach(self) -> float:
        """Of the object from its position, m."""
        return float(self.outline.norm(dim=-1).max()) + self.radius

    @functools.cached_property
    def mean_radius(self) -> float:
        """Of the disc that the object is most like, m."""
        return float(self.outline.norm(dim=-1).mean()) + self.radius

    def distance(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch"]:
        """Signed distance of points from the nearest obstacle; infinite where there is none."""
        if not self.obstacles:
            return torch.full_like(points[..., 0], math.inf)
        return functools.reduce(torch.minimum, (o.distance(points) for o in self.obstacles))


def surroundings_from_boxes(
    own: Float[Tensor, "6"], others: Float[Tensor, "n 6"], yaw: float
) -> Surroundings:
    """Take the object for a disc and each obstacle for its box.

    Args:
        own: The pushed object's box: centre and size, m.
        others: The other boxes.
        yaw: Of the object when it was seen.
    """
    sizes = own[3:5].tolist()
    obstacles = tuple(
        Box((x, y), (wide / 2, deep / 2)) for x, y, _, wide, deep, _ in others.tolist()
    )
    return Surroundings(
        half_sizes=(sizes[0] / 2, sizes[1] / 2),
        outline=torch.zeros(1, 2),
        radius=ROUNDNESS * max(sizes) / 2,
        yaw=yaw,
        obstacles=obstacles,
    )


def surroundings_from_views(
    own: Float[Tensor, "6"],
    others: Float[Tensor, "n 6"],
    yaw: float,
    seen_from_above: Float[Tensor, "o h w"],
    extent: float,
    position: Float[Tensor, "2"],
) -> Surroundings:
    """Take the outlines of decoded top-down views; obstacles become one signed-distance grid.

    Args:
        own: The pushed object's box: centre and size, m.
        others: The other boxes.
        yaw: Of the object when it was seen.
        seen_from_above: The views of the object and of the others, 0 to 1, y up, x to the right.
            Each is put where the middle of what it shows is the middle of the box.
        extent: Side of a view, m.
        position: The object's x and y, which may lie beside the box's centre, m.

    Raises:
        InputError: If there is not one view for each box.
    """
    if len(seen_from_above) != 1 + len(others):
        raise InputError(
            f"Got {len(seen_from_above)} top-down views for {1 + len(others)} boxes; give one each."
        )
    boxes = torch.cat((own[None], others))
    points = [_covered(view, extent, box) for view, box in zip(seen_from_above, boxes, strict=True)]
    plain = surroundings_from_boxes(own, others, yaw)
    obstacles = () if len(others) == 0 else (distance_grid(points[1:]),)
    return Surroundings(
        half_sizes=plain.half_sizes,
        outline=_outline(points[0] - position),
        radius=extent / seen_from_above.shape[-1] / 6,
        yaw=yaw,
        obstacles=obstacles,
    )


def distance_grid(clouds: Sequence[Float[Tensor, "_ 2"]]) -> DistanceGrid:
    """The signed distance to what covers points of the table, m."""
    axis = np.arange(-_REACH, _REACH + FINE_CELL / 2, FINE_CELL)
    solid = np.zeros((len(axis), len(axis)), dtype=bool)
    for points in clouds:
        cells = np.rint((points.numpy() + _REACH) / FINE_CELL).astype(int)
        inside = ((cells >= 0) & (cells < len(axis))).all(axis=1)
        solid[tuple(cells[inside].T)] = True
    if not solid.any():
        raise InputError("There is nothing on the table to keep clear of; leave the grid out.")
    values = FINE_CELL * (distance_transform_edt(~solid) - distance_transform_edt(solid))
    return DistanceGrid(values.astype(np.float32), (-_REACH, -_REACH), FINE_CELL)


class Way:
    """How far it is to a goal around the obstacles, and which way.

    Args:
        surroundings: The object and the obstacles.
        goal: x and y, m.
        margin: Between the object and obstacles, or the edge of the table, m.
    """

    def __init__(
        self, surroundings: Surroundings, goal: tuple[float, float], *, margin: float
    ) -> None:
        self.goal = goal
        axis = torch.arange(-_REACH, _REACH + CELL / 2, CELL, dtype=torch.float64)
        points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1)
        room = surroundings.distance(points) - surroundings.mean_radius - margin
        edge = TABLE_SIDE / 2 - points.abs().amax(dim=-1) - margin
        lack = -torch.minimum(room, edge).numpy()
        # Where there is no room, the more so the less there is, so that a way leads out of it.
        cost = np.where(lack > 0, _SLOW * (1 + lack / CELL), 1.0)
        nearest = int(((points - points.new_tensor(goal)).norm(dim=-1)).argmin())
        found = dijkstra(_graph(cost), directed=False, indices=nearest).reshape(cost.shape)
        self._grid = DistanceGrid(found.astype(np.float32), (-_REACH, -_REACH), CELL)

    def distance(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch"]:
        """Length of the way to the goal, m; where there is no room, longer."""
        straight: Tensor = (points - points.new_tensor(self.goal)).norm(dim=-1)
        return torch.maximum(straight, self._grid.distance(points))

    def heading(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch"]:
        """Direction of the way, radians; near the goal, straight to it."""
        steps = CELL * torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]).to(points)
        east, west, north, south = self._grid.distance(points[..., None, :] + steps).unbind(-1)
        to = points.new_tensor(self.goal) - points
        near = to.norm(dim=-1) < 3 * CELL
        x = torch.where(near, to[..., 0], west - east)
        y = torch.where(near, to[..., 1], south - north)
        return torch.atan2(y, x)


def _graph(cost: Float[np.ndarray, "rows columns"]) -> csr_array:
    """Neighbours of a grid's points up to a knight's move, by the length of the way between."""
    numbers = np.arange(cost.size).reshape(cost.shape)
    rows, columns = cost.shape
    ends: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1)):
        first = (slice(0, rows - down), slice(max(0, -across), columns - max(0, across)))
        second = (slice(down, rows), slice(max(0, across), columns + min(0, across)))
        length = CELL * math.hypot(down, across) * (cost[first] + cost[second]) / 2
        ends.append((numbers[first].ravel(), numbers[second].ravel(), length.ravel()))
    start, end, length = (np.concatenate(parts) for parts in zip(*ends, strict=True))
    return csr_array((length, (start, end)), shape=(cost.size, cost.size))


def _covered(
    view: Float[Tensor, "h w"], extent: float, box: Float[Tensor, "6"]
) -> Float[Tensor, "_ 2"]:
    """Points of the table that a view shows covered; those of its box if it shows none."""
    side = view.shape[-1]
    rows, columns = (view > _OPAQUE).nonzero(as_tuple=True)
    pixel = extent / side
    if len(rows) == 0:
        count = max(2, math.ceil(float(box[3:5].max()) / FINE_CELL))
        shares = torch.linspace(-0.5, 0.5, count)
        square = torch.stack(torch.meshgrid(shares, shares, indexing="ij"), dim=-1).flatten(0, 1)
        return box[:2] + square * box[3:5]
    # Nine points a pixel, so that no cell of a distance grid falls between two of them.
    shares = torch.arange(-1, 2) / 3
    within = torch.stack(torch.meshgrid(shares, shares, indexing="ij"), dim=-1).flatten(0, 1)
    shown = (pixel * (torch.stack((columns, -rows), dim=-1)[:, None] + within)).flatten(0, 1)
    low, high = shown.amin(dim=0), shown.amax(dim=0)
    return box[:2] + shown - (low + high) / 2


def _outline(points: Float[Tensor, "n 2"], count: int = 24) -> Float[Tensor, "P 2"]:
    """The outermost of some points in each of many directions."""
    angles = torch.arange(count) * (2 * math.pi / count)
    ahead = torch.stack((angles.cos(), angles.sin()), dim=-1)
    outermost: Tensor = points[(points @ ahead.T).argmax(dim=0)].unique(dim=0)
    return outermost
