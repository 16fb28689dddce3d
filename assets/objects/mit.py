"""The eleven shapes of the MIT Push data set, from their published dimensions.

Yu, Bauza, Fazeli and Rodriguez, "More than a Million Ways to Be Pushed" (IROS 2016): flat plates
of 13 mm. Their longest bounding sides, 90 to 176.5 mm, are further apart than the 7 to 12 cm of
HyperDynamics (appendix A.1), so no single scale fits: each plate is scaled uniformly in its plane
so that the longest side goes from [90, 176.5] mm to [70, 120] mm along a straight line. Order of
size and proportions stay; the thickness is left as published.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects.solids import Piece, prism, turns

Outline = Float[np.ndarray, "_ 2"]  # each of its own length

THICKNESS = 0.013  # m
PUBLISHED, WANTED = (0.090, 0.1765), (0.070, 0.120)  # m: ranges of the longest bounding side
ELLIPSE_CORNERS = 48

# Half of one lobe of "butter": half-width and distance from the waist, mm. Between these corners
# the published outline is straight.
BUTTER = np.array(
    [
        *((27.38, 0.00), (28.02, 4.98), (29.75, 9.95), (32.28, 14.91), (35.31, 19.85)),
        *((38.54, 24.78), (41.69, 29.68), (44.46, 34.55), (46.55, 39.39), (47.67, 44.19)),
        *((47.57, 48.93), (46.26, 53.56), (43.87, 57.99), (40.50, 62.17), (36.29, 66.02)),
        *((31.35, 69.45), (25.80, 72.41), (19.78, 74.81), (13.39, 76.59), (6.75, 77.66)),
        (0.00, 78.00),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Plate:
    """A flat plate.

    Attributes:
        outlines: Convex outlines that together make up its own, as published, metres.
    """

    outlines: tuple[Outline, ...]

    def pieces(self) -> list[Piece]:
        """One prism an outline, scaled."""
        points = np.concatenate(self.outlines)
        longest = float(np.ptp(points, axis=0).max())
        scale = float(np.interp(longest, PUBLISHED, WANTED)) / longest
        return [prism(scale * outline, 0.0, THICKNESS) for outline in self.outlines]


def _rectangle(width: float, height: float) -> Plate:
    corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    return Plate(outlines=(np.array(corners) / 1000,))


def _right_triangle(leg: float, other: float) -> Plate:
    return Plate(outlines=(np.array([(0.0, 0.0), (other, 0.0), (0.0, leg)]) / 1000,))


def _ellipse(width: float, height: float, corners: int = ELLIPSE_CORNERS) -> Plate:
    angles = turns(corners)
    axes = np.array([width, height]) / 2000
    return Plate(outlines=(axes * np.stack((np.cos(angles), np.sin(angles)), axis=1),))


def _butter() -> Plate:
    """Two convex lobes and the strips between them, from corner to corner of the concave waist."""
    slopes = np.diff(BUTTER[:, 0]) / np.diff(BUTTER[:, 1])
    bend = int(slopes.argmax())  # the outline is concave up to the start of its steepest side
    runs = [BUTTER[i : i + 2] for i in range(bend)] + [BUTTER[bend:]]
    outlines = []
    for side in (1, -1):
        for run in runs:
            half = run / 1000 * [1, side]
            outlines.append(np.concatenate((half, half * [-1, 1])))
    return Plate(outlines=tuple(outlines))


PLATES: dict[str, Plate] = {
    "mit-rect1": _rectangle(90.0, 90.0),
    "mit-rect2": _rectangle(89.91, 112.58),
    "mit-rect3": _rectangle(135.01, 89.94),
    "mit-tri1": _right_triangle(125.87, 125.90),
    "mit-tri2": _right_triangle(125.87, 151.0),
    "mit-tri3": _right_triangle(125.61, 176.5),
    "mit-ellip1": _ellipse(105.0, 105.0),
    "mit-ellip2": _ellipse(105.0, 130.89),
    "mit-ellip3": _ellipse(105.0, 157.0),
    "mit-hex": _ellipse(121.0, 121.0, corners=6),
    "mit-butter": _butter(),
}
