"""Cameras: bodies with lenses in varying places, grips, viewfinders and flashes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects.solids import Piece, box, prism, turns

LENS_CORNERS = 24


@dataclass(frozen=True, kw_only=True)
class Lens:
    """One barrel of a lens, metres; it stands out from the front of the body.

    Attributes:
        radius: Where it begins.
        front: Where it ends; the same radius unless given.
        length: How far it stands out.
        x: Sideways from the middle of the body.
        z: Height of its axis above the table.
        start: How far before the body's front it begins; another barrel may end there.
    """

    radius: float
    length: float
    x: float
    z: float
    front: float | None = None
    start: float = 0.0

    def piece(self, y: float) -> Piece:
        """The barrel in front of a body whose front stands at y."""
        angles = turns(LENS_CORNERS)
        circle = np.stack((np.cos(angles), np.zeros_like(angles), np.sin(angles)), axis=1)
        near = self.radius * circle + [self.x, y - self.start, self.z]
        end = self.radius if self.front is None else self.front
        return np.concatenate((near, end * circle + [self.x, y - self.start - self.length, self.z]))


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera that stands upright and looks along −y, metres.

    Attributes:
        width: Of the body, along x.
        depth: Of the body, along y.
        height: Of the body.
        bevel: Cut off its vertical edges.
        slope: How far the top of the front lies behind its foot.
        lenses: Barrels, from the body outwards.
        grip: Width and extra depth of a grip on the left, if any.
        finder: Width below, width above, height and x of a prism on top, if any.
        extras: Boxes (low and high corner), for flashes, knobs and finders.
    """

    width: float
    depth: float
    height: float
    lenses: tuple[Lens, ...]
    bevel: float = 0.004
    slope: float = 0.0
    grip: tuple[float, float] | None = None
    finder: tuple[float, float, float, float] | None = None
    extras: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...] = ()

    def pieces(self) -> list[Piece]:
        """Body, lenses, grip, finder, extras."""
        front = -self.depth / 2
        body = prism(_bevelled(self.width, self.depth, self.bevel), 0.0, self.height)
        leaning = (body[:, 2] > 0) & (body[:, 1] < 0)
        body[leaning, 1] += self.slope
        # Each barrel begins a little inside what carries it, however the front leans.
        pieces = [body, *(lens.piece(front + self.slope / 2) for lens in self.lenses)]
        if self.grip is not None:
            width, depth = self.grip
            outline = _bevelled(width, depth + self.depth / 2, min(width, depth) / 3)
            outline += [(width - self.width) / 2, front - depth + (depth + self.depth / 2) / 2]
            pieces.append(prism(outline, 0.0, 0.94 * self.height))
        if self.finder is not None:
            below, above, height, x = self.finder
            rows = [(below, 0.80 * self.depth, self.height)]
            rows.append((above, 0.55 * self.depth, self.height + height))
            pieces.append(
                np.concatenate(
                    [
                        np.insert(_bevelled(width, depth, 0.0) + np.array([x, 0.0]), 2, z, axis=1)
                        for width, depth, z in rows
                    ]
                )
            )
        return pieces + [box(low, high) for low, high in self.extras]


def _bevelled(width: float, depth: float, bevel: float) -> Float[np.ndarray, "corners 2"]:
    """A rectangle around the origin with its corners cut off."""
    x, y = width / 2, depth / 2
    corners = [(x - bevel, y), (x, y - bevel)]
    return np.array([(i * a, j * b) for i in (1, -1) for j in (1, -1) for a, b in corners])


CAMERAS: dict[str, Camera] = {
    "camera-1": Camera(  # single-lens reflex
        width=0.098,
        depth=0.034,
        height=0.062,
        lenses=(
            Lens(radius=0.026, length=0.022, x=0.006, z=0.030),
            Lens(radius=0.023, length=0.012, x=0.006, z=0.030, start=0.022),
        ),
        grip=(0.022, 0.013),
        finder=(0.040, 0.026, 0.016, 0.006),
    ),
    "camera-2": Camera(  # compact, its lens to one side
        width=0.084,
        depth=0.022,
        height=0.050,
        bevel=0.007,
        lenses=(
            Lens(radius=0.018, length=0.009, x=0.014, z=0.024),
            Lens(radius=0.014, length=0.008, x=0.014, z=0.024, start=0.009),
        ),
        extras=(((-0.032, -0.006, 0.050), (-0.018, 0.006, 0.053)),),
    ),
    "camera-3": Camera(  # rangefinder with rounded ends, knobs and a finder on top
        width=0.112,
        depth=0.030,
        height=0.056,
        bevel=0.011,
        lenses=(Lens(radius=0.021, length=0.020, x=0.0, z=0.027, front=0.017),),
        extras=(
            ((-0.036, -0.009, 0.056), (-0.018, 0.009, 0.064)),
            ((-0.008, -0.012, 0.056), (0.020, 0.012, 0.068)),
            ((0.030, -0.007, 0.056), (0.044, 0.007, 0.062)),
        ),
    ),
    "camera-4": Camera(  # reflex with a long lens
        width=0.086,
        depth=0.034,
        height=0.064,
        lenses=(
            Lens(radius=0.021, length=0.018, x=0.008, z=0.031),
            Lens(radius=0.021, length=0.022, x=0.008, z=0.031, start=0.018, front=0.028),
        ),
        grip=(0.020, 0.016),
        finder=(0.036, 0.020, 0.018, 0.008),
        extras=(((-0.038, -0.008, 0.064), (-0.024, 0.008, 0.069)),),
    ),
    "camera-5": Camera(  # instant camera: a wedge with two small lenses and a flash
        width=0.090,
        depth=0.066,
        height=0.058,
        bevel=0.003,
        slope=0.022,
        lenses=(
            Lens(radius=0.017, length=0.020, x=0.010, z=0.028),
            Lens(radius=0.008, length=0.016, x=-0.026, z=0.030),
        ),
        extras=(((-0.040, -0.004, 0.058), (0.012, 0.024, 0.076)),),
    ),
}
