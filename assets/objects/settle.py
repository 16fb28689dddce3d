"""How a solid comes to rest on the table."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects.solids import as_mesh

if TYPE_CHECKING:
    import manifold3d

UPRIGHT = {
    "x": np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]),
    "y": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
    "z": np.eye(3),
}  # the rotation that brings an axis of the file to z


def resting(
    solid: "manifold3d.Manifold", mass_centre: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3 3"]:
    """The rotation to the stable pose nearest to the one given.

    A pose is stable if a face of the convex hull lies on the table and the centre of mass is
    above that face; one such face always exists.

    Args:
        solid: In its given pose.
        mass_centre: Its centre of mass there.

    Returns:
        A rotation matrix.
    """
    around = as_mesh(solid.hull())
    triangles = np.asarray(around.triangles)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    doubled = np.linalg.norm(normals, axis=1)
    solid_faces = doubled > 1e-9
    triangles, normals = triangles[solid_faces], normals[solid_faces] / doubled[solid_faces, None]
    heights = ((mass_centre - triangles[:, 0]) * normals).sum(axis=1)
    below = mass_centre - heights[:, None] * normals
    inside = np.ones(len(triangles), dtype=bool)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        edge = triangles[:, b] - triangles[:, a]
        turn = (np.cross(edge, below - triangles[:, a]) * normals).sum(axis=1)
        inside &= turn >= -1e-9
    downness = np.where(inside, -normals[:, 2], -np.inf)
    return _rotation(normals[downness.argmax()], np.array([0.0, 0.0, -1.0]))


def _rotation(a: Float[np.ndarray, "3"], b: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The smallest rotation that turns one unit vector into another."""
    axis, cosine = np.cross(a, b), float(a @ b)
    if cosine < -1 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])  # b is vertical and a opposite: half a turn about x
    skew = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / (1 + cosine))
