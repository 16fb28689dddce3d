"""Hollow bodies of revolution out of convex pieces: the walls of mugs and bowls."""

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects.solids import Piece, ring

FACETS = 3  # of the outside to one sector: the outside is rounder than the inside


def sectors(
    outer: Float[np.ndarray, "levels 2"], inner: Float[np.ndarray, "2 2"], count: int
) -> list[Piece]:
    """Divide one level of a wall into convex sectors that share their radial faces.

    Args:
        outer: Radius and height along the outside, m, from the lowest to the highest.
        inner: Radius and height of the inside at the bottom and at the top.
        count: Sectors to a full turn; the inside is a prism with as many sides.

    Returns:
        One piece a sector.
    """
    step = 2 * np.pi / count
    pieces = []
    for sector in range(count):
        around = step * (sector + np.arange(FACETS + 1) / FACETS)
        ends = around[[0, -1]]
        outside = [ring(radius, height, around) for radius, height in outer]
        inside = [ring(radius, height, ends) for radius, height in inner]
        pieces.append(np.concatenate(outside + inside))
    return pieces
