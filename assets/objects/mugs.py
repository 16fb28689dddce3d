"""Mugs: straight or tapered, with handles of several forms or none."""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects.revolved import FACETS, sectors
from hyperdyn.assets.objects.solids import Piece, cone

SECTORS = 16
BENDS = 6  # straight pieces of a handle


@dataclass(frozen=True, kw_only=True)
class Handle:
    """A bow beside the mug, metres.

    Attributes:
        low: Height of its lower end.
        high: Height of its upper end.
        reach: How far its middle line stands out from the wall.
        thickness: In the plane of the bow.
        width: Across that plane.
        squareness: Exponent of the superellipse it follows: 2 is an ellipse, 4 nearly a square.
    """

    low: float
    high: float
    reach: float
    thickness: float = 0.006
    width: float = 0.009
    squareness: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Mug:
    """A cup that stands upright, metres.

    Attributes:
        height: From the table to the rim.
        rim: Outer radius at the top.
        base: Outer radius at the bottom.
        wall: Thickness of the wall, measured horizontally.
        floor: Thickness of the bottom.
        handle: What to hold it by, if anything.
    """

    height: float
    rim: float
    base: float
    wall: float = 0.004
    floor: float = 0.006
    handle: Handle | None = None

    def pieces(self) -> list[Piece]:
        """The bottom, the sectors of the wall, the bends of the handle."""
        heights = np.array([self.floor, self.height])
        outer = np.stack((self.radius(heights), heights), axis=1)
        bottom = cone(self.base, float(outer[0, 0]), 0.0, self.floor, SECTORS * FACETS)
        pieces = [bottom, *sectors(outer, outer - [self.wall, 0.0], SECTORS)]
        if self.handle is not None:
            bow = self._bow(self.handle)
            pieces += [np.concatenate(pair) for pair in itertools.pairwise(bow)]
        return pieces

    def radius(self, height: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Outer radius of the wall at given heights, m."""
        return np.asarray(self.base + (self.rim - self.base) * height / self.height)

    def _bow(self, handle: Handle) -> list[Piece]:
        """Cross-sections of the handle, from its lower to its upper end."""
        angles = np.linspace(-np.pi / 2, np.pi / 2, BENDS + 1)
        power = 2 / handle.squareness
        rise = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** power
        out = np.abs(np.cos(angles)) ** power
        height = (handle.low + handle.high) / 2 + (handle.high - handle.low) / 2 * rise
        reach = self.radius(height) + handle.reach * out
        reach[[0, -1]] -= self.wall / 2  # the ends are sunk into the wall
        path = np.stack((reach, height), axis=1)
        along = np.gradient(path, axis=0)
        along[[0, -1]] = [[1.0, 0.0], [-1.0, 0.0]]
        normal = np.stack((-along[:, 1], along[:, 0]), axis=1)
        normal *= handle.thickness / 2 / np.linalg.norm(normal, axis=1, keepdims=True)
        edges = np.stack((path - normal, path + normal), axis=1)
        return [
            np.array([(x, y, z) for x, z in pair for y in (-handle.width / 2, handle.width / 2)])
            for pair in edges
        ]


MUGS: dict[str, Mug] = {
    "mug-1": Mug(
        height=0.075, rim=0.036, base=0.036, handle=Handle(low=0.016, high=0.060, reach=0.022)
    ),
    "mug-2": Mug(
        height=0.080,
        rim=0.041,
        base=0.029,
        handle=Handle(low=0.022, high=0.066, reach=0.024, squareness=3.5),
    ),
    "mug-3": Mug(
        height=0.050,
        rim=0.031,
        base=0.023,
        wall=0.0035,
        handle=Handle(low=0.014, high=0.040, reach=0.016, thickness=0.005, width=0.007),
    ),
    "mug-4": Mug(
        height=0.052,
        rim=0.046,
        base=0.038,
        wall=0.005,
        handle=Handle(low=0.012, high=0.044, reach=0.019, thickness=0.007, width=0.014),
    ),
    "mug-5": Mug(
        height=0.092,
        rim=0.035,
        base=0.027,
        handle=Handle(low=0.020, high=0.082, reach=0.027, thickness=0.007, squareness=2.5),
    ),
    "mug-6": Mug(
        height=0.064,
        rim=0.032,
        base=0.040,
        wall=0.006,
        handle=Handle(low=0.014, high=0.050, reach=0.020, thickness=0.008, squareness=4.0),
    ),
    "mug-7": Mug(height=0.078, rim=0.040, base=0.031, wall=0.0045),
}
