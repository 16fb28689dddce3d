"""What must hold of a foreign mesh before anything is computed with it."""

import numpy as np
from jaxtyping import Int

from hyperdyn.assets.objects.errors import MeshGeometryError
from hyperdyn.assets.objects.readers import Surface, require_few
from hyperdyn.assets.objects.solids import hull

FLAT = 1e-4  # volume of the convex hull in the units of its largest extent


def checked(surface: Surface, most_faces: int) -> tuple[Surface, float]:
    """Refuse what cannot be an object, and drop vertices and faces that carry nothing.

    Args:
        surface: As it was read.
        most_faces: The most triangles.

    Returns:
        The surface, moved to the origin and scaled so that its largest extent is 1, and that
        extent in the unit of the file.

    Raises:
        MeshLimitError: If it has too many faces.
        MeshGeometryError: If an index is out of range, a used vertex is not finite, or there is no
            volume.
    """
    vertices, faces = surface
    require_few(len(faces), most_faces)
    if len(faces) == 0 or len(vertices) == 0:
        raise MeshGeometryError(
            f"The file holds {len(vertices)} vertices and {len(faces)} faces; an object needs both."
        )
    wrong = (faces < 0) | (faces >= len(vertices))
    if wrong.any():
        raise MeshGeometryError(
            f"A face names vertex {faces[wrong][0]}, but there are {len(vertices)} (from 0)."
        )
    bad = ~np.isfinite(vertices).all(axis=1)
    if bad[faces].any():
        number = int(np.flatnonzero(bad)[0])
        raise MeshGeometryError(f"Vertex {number} is not finite: {vertices[number].tolist()}.")
    vertices, faces = _compact(vertices, faces)
    extent = np.ptp(vertices, axis=0).max()
    if not 0 < extent < 1e150:
        raise MeshGeometryError(f"The mesh has no usable extent: {extent}.")
    vertices = (vertices - vertices.mean(axis=0)) / extent
    volume = hull(vertices).volume()
    if not volume > FLAT:
        raise MeshGeometryError(
            "The mesh has no volume: all of its vertices lie in a plane or on a line."
        )
    return Surface(vertices, faces), float(extent)


def _compact(vertices: np.ndarray, faces: Int[np.ndarray, "F 3"]) -> Surface:
    """Merge equal vertices, drop unused ones and faces without three different corners."""
    used, faces = np.unique(faces, return_inverse=True)
    vertices, merged = np.unique(vertices[used], axis=0, return_inverse=True)
    faces = merged.reshape(-1)[faces].reshape(-1, 3)
    ordered = np.sort(faces, axis=1)
    different = (ordered[:, :-1] != ordered[:, 1:]).all(axis=1)
    return Surface(vertices, faces[different])
