"""Convex pieces as clouds of their corners, and the solids that they make up together.

Every procedural object is the union of the convex hulls of its pieces, so the pieces are an exact
decomposition of it: what collides is what is seen.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from hyperdyn.errors import HyperdynError

if TYPE_CHECKING:
    import manifold3d
    import trimesh

Piece = Float[np.ndarray, "_ 3"]  # each of its own length

SLIVER = 1e-15  # m³: what rounding leaves between faces that touch; the smallest piece has 1e-7


def box(low: Sequence[float], high: Sequence[float]) -> Piece:
    """The eight corners of an axis-aligned box, metres."""
    x, y, z = np.meshgrid(*np.stack((low, high), axis=1), indexing="ij")
    return np.stack((x, y, z), axis=-1).reshape(-1, 3).astype(float)


def prism(outline: Float[np.ndarray, "corners 2"], low: float, high: float) -> Piece:
    """A convex outline in the horizontal plane, extruded between two heights, metres."""
    return np.concatenate([np.insert(outline, 2, z, axis=1) for z in (low, high)])


def ring(radius: float, height: float, angles: Float[np.ndarray, " corners"]) -> Piece:
    """Points of a horizontal circle around the z axis, metres and radians."""
    return np.stack(
        (radius * np.cos(angles), radius * np.sin(angles), np.full_like(angles, height)), axis=1
    )


def turns(corners: int) -> Float[np.ndarray, " corners"]:
    """Angles that divide a full turn equally, beginning at 0."""
    return 2 * np.pi * np.arange(corners) / corners


def cone(lower: float, upper: float, low: float, high: float, corners: int = 36) -> Piece:
    """A frustum around the z axis: radii at two heights, metres."""
    angles = turns(corners)
    return np.concatenate((ring(lower, low, angles), ring(upper, high, angles)))


def require_push() -> None:
    """Refuse to go on without the libraries of the extra.

    Raises:
        HyperdynError: If trimesh or manifold3d is not installed; names the extra.
    """
    try:
        import manifold3d  # noqa: F401
        import trimesh  # noqa: F401
    except ImportError as error:
        raise HyperdynError(
            f"Objects need {error.name}: pip install 'hyperdyn-toolkit[push]'."
        ) from error


def hull(points: Piece) -> "manifold3d.Manifold":
    """The convex hull of a piece."""
    from manifold3d import Manifold

    return Manifold.hull_points(np.ascontiguousarray(points, dtype=np.float64))


def union(hulls: "Sequence[manifold3d.Manifold]") -> "manifold3d.Manifold":
    """One closed solid of several that touch or overlap."""
    from manifold3d import Manifold, OpType

    return Manifold.batch_boolean(hulls, OpType.Add)


def without_slivers(solid: "manifold3d.Manifold") -> "manifold3d.Manifold":
    """A solid without closed cavities, freed of what rounding leaves between touching faces."""
    from manifold3d import Manifold

    return Manifold.compose([body for body in solid.decompose() if body.volume() > SLIVER])


def as_mesh(solid: "manifold3d.Manifold") -> "trimesh.Trimesh":
    """The surface of a solid, in double precision."""
    import trimesh

    surface = solid.to_mesh64()
    return trimesh.Trimesh(
        vertices=np.array(surface.vert_properties[:, :3], dtype=np.float64),
        faces=np.array(surface.tri_verts, dtype=np.int64),
        process=False,
    )
