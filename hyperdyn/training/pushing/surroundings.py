"""What a planner is told of the table: an outline, obstacles, the way to the goal around them."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from hyperdyn.pushing.state import POSITION, turned_by
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
_STRIDE = 0.05  # by which a push moves an object where there is room for it, m
_SLOW = 8.0  # times longer than it is does a way seem where there is hardly room
_TINY = 1e-6  # room that is hardly any, m
_OPAQUE = 0.5  # of a decoded view
_DIRECTIONS = 24  # in which an outline's reach is looked at
_KNOWN = 0.01  # from what is known within which a point tells nothing new, m
_ENOUGH = 3  # points that are no accident
_STRAY = 0.03  # of a measured point of the object from where its view shows it, m


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

    def beyond(
        self, points: Float[Tensor, "*batch n 2"], states: Float[Tensor, "*batch S"]
    ) -> Float[Tensor, "*batch n"]:
        """How far points are outside the object's convex hull where it lies in each state, m."""
        ahead, reach = (values.to(points) for values in self._reach)
        turned = (self.yaw - turned_by(states))[..., None]
        c, s = turned.cos(), turned.sin()
        x, y = (points - states[..., None, OBJECT]).unbind(dim=-1)
        place = torch.stack((c * x - s * y, s * x + c * y), dim=-1)
        found: Tensor = (place @ ahead - reach).amax(dim=-1)
        return found

    @functools.cached_property
    def _reach(self) -> tuple[Float[Tensor, "2 D"], Float[Tensor, " D"]]:
        """Directions, and how far the outline reaches in each, as it lay when it was seen."""
        angles = torch.arange(_DIRECTIONS) * (2 * math.pi / _DIRECTIONS)
        ahead = torch.stack((angles.cos(), angles.sin()))
        return ahead, (self.outline @ ahead).amax(dim=0) + self.radius

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
    standing: Float[Tensor, "m 2"],
) -> Surroundings:
    """Take decoded top-down views and what was measured; obstacles become one grid of distances.

    A decoded view shows all of an object, about a box's centre and with an outline that are a
    centimetre or two off; the depth image shows, to some millimetres, the sides that the camera
    sees. The object and the obstacles are taken to cover both.

    Args:
        own: The pushed object's box: centre and size, m.
        others: The other boxes.
        yaw: Of the object when it was seen.
        seen_from_above: The views of the object and of the others, 0 to 1, y up, x to the right.
            Each is put where the middle of what it shows is the middle of the box.
        extent: Side of a view, m.
        position: The object's x and y, which may lie beside the box's centre, m.
        standing: Where something was measured above the table's top, x and y, m. What is nearer to
            the object's view than to others, and within `_STRAY` of it, is the object's; all the
            rest is in the way, whether or not it was detected.

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
    away = torch.stack([_nearest(standing, cloud) for cloud in points])
    its_own = (away[0] == away.amin(dim=0)) & (away[0] < _STRAY)
    clouds = [*points[1:], *_spread(standing[~its_own], FINE_CELL / 2)]
    obstacles = () if len(clouds) == 0 else (distance_grid(clouds),)
    return Surroundings(
        half_sizes=plain.half_sizes,
        outline=_outline(torch.cat((points[0], standing[its_own])) - position),
        radius=extent / seen_from_above.shape[-1] / 6,
        yaw=yaw,
        obstacles=obstacles,
    )


def looked_again(
    around: Surroundings, state: Float[Tensor, "1 S"], standing: Float[Tensor, "n 2"]
) -> Surroundings:
    """Add what is seen now and was hidden before; the same surroundings if that is nothing.

    Args:
        around: What is known.
        state: At the time of the look.
        standing: Where something was measured above the table's top, x and y, m. Points near the
            rod, which leans a little while it pushes, and of the object are left out.
    """
    new = (around.beyond(standing, state[0]) > _STRAY) & (around.distance(standing) > _KNOWN)
    new &= (standing - state[0, ROD]).norm(dim=-1) > _STRAY
    if int(new.sum()) < _ENOUGH:
        return around
    grid = distance_grid(_spread(standing[new], FINE_CELL / 2))
    for known in around.obstacles:
        if isinstance(known, DistanceGrid):
            least = torch.minimum(torch.as_tensor(known.values), torch.as_tensor(grid.values))
            grid = replace(grid, values=least)
    others = [known for known in around.obstacles if not isinstance(known, DistanceGrid)]
    return replace(around, obstacles=(*others, grid))


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

    A place where less room allows only shorter pushes takes that much longer to cross, and counts
    as that much longer: the way keeps off obstacles and the edge where it can.

    Args:
        surroundings: The object and the obstacles.
        goal: x and y, m.
        margin: Between the object and obstacles, m.
        growth: Room a push needs beyond that, beside obstacles and before the edge of the table,
            for each metre that it moves the object.
        edge: Between the object's position and the edge, m.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        goal: tuple[float, float],
        *,
        margin: float,
        growth: float,
        edge: float,
    ) -> None:
        self.goal = goal
        axis = torch.arange(-_REACH, _REACH + CELL / 2, CELL, dtype=torch.float64)
        points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1)
        beside = surroundings.distance(points) - surroundings.mean_radius - margin
        before = TABLE_SIDE / 2 - points.abs().amax(dim=-1) - edge
        room = torch.minimum(beside, before).numpy()
        slowness = np.minimum(growth * _STRIDE / np.maximum(room, _TINY), _SLOW)
        # Where there is no room, the more so the less there is, so that a way leads out of it.
        cost = np.where(room < 0, _SLOW * (1 - room / CELL), np.maximum(slowness, 1.0))
        nearest = int(((points - points.new_tensor(goal)).norm(dim=-1)).argmin())
        found = dijkstra(_graph(cost), directed=False, indices=nearest).reshape(cost.shape)
        self._grid = DistanceGrid(found.astype(np.float32), (-_REACH, -_REACH), CELL)

    def distance(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch"]:
        """Length of the way to the goal, m; where there is little room, longer."""
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


def _nearest(points: Float[Tensor, "n 2"], cloud: Float[Tensor, "m 2"]) -> Float[Tensor, " n"]:
    """Distance of points from the nearest of a cloud."""
    found: Tensor = torch.cdist(points, cloud).amin(dim=-1)
    return found


def _spread(points: Float[Tensor, "n 2"], by: float) -> list[Float[Tensor, "n 2"]]:
    """Points, and those about them: as many clouds as directions; none of no points."""
    if len(points) == 0:
        return []
    shares = torch.arange(-1, 2) * by
    return [points + torch.stack((x, y)) for x in shares for y in shares]


def _outline(points: Float[Tensor, "n 2"], count: int = 24) -> Float[Tensor, "P 2"]:
    """The outermost of some points in each of many directions."""
    angles = torch.arange(count) * (2 * math.pi / count)
    ahead = torch.stack((angles.cos(), angles.sin()), dim=-1)
    outermost: Tensor = points[(points @ ahead.T).argmax(dim=0)].unique(dim=0)
    return outermost
