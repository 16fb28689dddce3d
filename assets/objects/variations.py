"""Shapes without end: training objects stretched, and solids put together at random.

They are looked at, never pushed (HyperDynamics, appendix A.1, trains its shape code on the whole of
ShapeNet for this). Nothing here is derived from an object of the test split.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects.catalogue import OBJECTS, Design, build
from hyperdyn.assets.objects.push_object import PushObject
from hyperdyn.assets.objects.solids import Piece, prism
from hyperdyn.assets.objects.splits import TRAINING_IDS

SIZES = (0.07, 0.12)
"""Of the longer horizontal side, m (HyperDynamics, appendix A.1)."""
STRETCH = (0.75, 1.3)
HEIGHTS = (0.012, 0.10)  # m


@dataclass(frozen=True, eq=False, kw_only=True)
class Stretched:
    """A design scaled along each axis.

    Attributes:
        design: What it was.
        scale: Along x, y and z; a negative x mirrors it.
        size: Of the longer horizontal side afterwards, m.
    """

    design: Design
    scale: Float[np.ndarray, "3"]
    size: float

    def pieces(self) -> list[Piece]:
        """The design's pieces, scaled."""
        pieces = [piece * self.scale for piece in self.design.pieces()]
        sides = np.ptp(np.concatenate(pieces)[:, :2], axis=0)
        return [piece * [*[self.size / sides.max()] * 2, 1.0] for piece in pieces]


@dataclass(frozen=True, eq=False, kw_only=True)
class Composite:
    """Convex prisms that overlap.

    Attributes:
        outlines: Of each prism, m.
        heights: Of each prism, m; all stand on the table.
    """

    outlines: tuple[Float[np.ndarray, "_ 2"], ...]
    heights: tuple[float, ...]

    def pieces(self) -> list[Piece]:
        """One prism an outline."""
        return [
            prism(outline, 0.0, height)
            for outline, height in zip(self.outlines, self.heights, strict=True)
        ]


def varied_object(rng: np.random.Generator) -> PushObject:
    """A training object, stretched, or a composite, one as likely as the other.

    Args:
        rng: The source of every draw.

    Raises:
        HyperdynError: If trimesh or manifold3d is not installed; names the extra.
    """
    if rng.random() < 0.5:
        return build("composite", "composite", _composite(rng))
    spec = OBJECTS[TRAINING_IDS[int(rng.integers(len(TRAINING_IDS)))]]
    scale = rng.uniform(*STRETCH, 3) * [rng.choice([-1.0, 1.0]), 1.0, 1.0]
    design = Stretched(design=spec.design, scale=scale, size=rng.uniform(*SIZES))
    return build(f"{spec.id}-stretched", spec.family, design)


def _composite(rng: np.random.Generator) -> Stretched:
    outlines, heights = [], []
    for _ in range(int(rng.integers(1, 4))):
        corners = int(rng.integers(3, 10))
        angles = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * (2 * math.pi / corners)
        radii = rng.uniform(0.6, 1.0, corners)[:, None] * rng.uniform(0.3, 1.0, 2)
        around = radii * np.stack((np.cos(angles), np.sin(angles)), axis=1)
        turn = rng.uniform(-math.pi, math.pi)
        cos, sin = math.cos(turn), math.sin(turn)
        # All cover the middle, so that the union is one body.
        outlines.append(around @ np.array([[cos, sin], [-sin, cos]]) + rng.uniform(-0.15, 0.15, 2))
        heights.append(float(rng.uniform(*HEIGHTS)))
    design = Composite(outlines=tuple(outlines), heights=tuple(heights))
    return Stretched(design=design, scale=np.ones(3), size=rng.uniform(*SIZES))
