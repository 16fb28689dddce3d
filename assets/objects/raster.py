"""Triangles onto a grid of pixels: the top-down views and the contact sheet are drawn with it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

TOUCHING = 1e-9  # how far outside an edge, relative to the triangle, a pixel's centre may lie


class Covered(NamedTuple):
    """Pairs of a triangle and a pixel whose centre it covers."""

    triangle: Int[np.ndarray, " pairs"]
    row: Int[np.ndarray, " pairs"]
    column: Int[np.ndarray, " pairs"]
    weights: Float[np.ndarray, "pairs 3"]
    """Barycentric: of the triangle's corners at the pixel's centre."""


def cover(corners: Float[np.ndarray, "F 3 2"], rows: int, columns: int) -> Covered:
    """Find the pixels that triangles cover.

    Args:
        corners: Column and row, in pixels: pixel (r, c) has its centre at (c + 0.5, r + 0.5).
        rows: Height of the picture.
        columns: Width of the picture.

    Returns:
        Every pair, in the order of the triangles; edges and corners count as covered.
    """
    limit = np.array([columns, rows])
    low = np.ceil(corners.min(axis=1) - 0.5).clip(0, limit).astype(np.int64)
    high = np.floor(corners.max(axis=1) - 0.5).clip(-1, limit - 1).astype(np.int64) + 1
    span = (high - low).clip(0)
    count = span.prod(axis=1)
    triangle = np.repeat(np.arange(len(corners)), count)
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    column = low[triangle, 0] + place % span[triangle, 0]
    row = low[triangle, 1] + place // span[triangle, 0]

    first, second, third = corners[:, 0], corners[:, 1], corners[:, 2]
    area = _cross(second - first, third - first)
    centre = np.stack((column + 0.5, row + 0.5), axis=1)
    weights = np.stack(
        [
            _cross(b[triangle] - a[triangle], centre - a[triangle])
            for a, b in ((second, third), (third, first), (first, second))
        ],
        axis=1,
    )
    flat = np.abs(area) < 1e-12  # seen from the side: its neighbours cover the pixels
    weights /= np.where(flat, np.inf, area)[triangle, None]
    inside = (weights.min(axis=1) >= -TOUCHING) & ~flat[triangle]
    return Covered(triangle[inside], row[inside], column[inside], weights[inside])


def _cross(a: Float[np.ndarray, "n 2"], b: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
