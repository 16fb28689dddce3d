"""Marks drawn into pictures."""

import numpy as np
from jaxtyping import Float, UInt8

from hyperdyn.envs.pushing.cameras import Camera

_GREEN = (20, 150, 60)
_POINTS = 720


def mark_circle(
    picture: UInt8[np.ndarray, "h w 3"],
    camera: Camera,
    centre: Float[np.ndarray, "2"],
    radius: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of a camera's picture with a circle on the table, m."""
    angles = np.linspace(0, 2 * np.pi, _POINTS)
    ring = np.zeros((_POINTS, 3))
    ring[:, :2] = centre + radius * np.stack((np.cos(angles), np.sin(angles)), axis=1)
    seen = (ring - camera.position) @ camera.pose[:3, :3] @ camera.intrinsics.T
    columns, rows = np.floor(seen[:, :2] / seen[:, 2:]).astype(np.int64).T
    inside = (columns >= 0) & (columns < camera.width) & (rows >= 0) & (rows < camera.height)
    marked = picture.copy()
    marked[rows[inside], columns[inside]] = _GREEN
    return marked
