"""From the triangles of a foreign mesh to a closed solid."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from hyperdyn.assets.objects.errors import MeshGeometryError
from hyperdyn.assets.objects.limits import Repair
from hyperdyn.assets.objects.readers import Surface
from hyperdyn.assets.objects.solids import SLIVER, hull

if TYPE_CHECKING:
    import manifold3d

CELLS = 48  # voxels along the largest extent of a mesh that is rebuilt


def closed(surface: Surface, repair: Repair) -> "tuple[manifold3d.Manifold, list[str]]":
    """Make a closed solid of a surface.

    Args:
        surface: Checked, with a largest extent of 1.
        repair: What to do if it is not watertight.

    Returns:
        The solid, and what had to be done, in sentences.

    Raises:
        MeshGeometryError: If it is not watertight and `repair` is "refuse".
    """
    solid = _solid(surface)
    if solid is not None:
        return solid, []
    wound = _wound(surface)
    solid = _solid(wound)
    if solid is not None:
        return solid, ["Faces that were turned inside out were turned around."]
    if repair == "refuse":
        raise MeshGeometryError(
            "The mesh is not watertight. Close it, or load it with repair='voxels' or 'hull'."
        )
    if repair == "hull":
        return hull(surface.vertices), ["The mesh was not watertight: its convex hull was taken."]
    note = (
        f"The mesh was not watertight: it was rebuilt from {CELLS} voxels along its largest "
        "extent, so walls are up to one voxel thicker and closed cavities are filled."
    )
    return _rebuilt(surface), [note]


def _solid(surface: Surface) -> "manifold3d.Manifold | None":
    """The solid that a surface encloses, or None where it does not enclose one."""
    from manifold3d import Error, Manifold, Mesh64, OpType

    solid = Manifold(
        Mesh64(
            vert_properties=np.ascontiguousarray(surface.vertices, dtype=np.float64),
            tri_verts=np.ascontiguousarray(surface.faces, dtype=np.uint64),
        )
    )
    if solid.status() != Error.NoError:
        return None
    bodies = [body for body in solid.decompose() if abs(body.volume()) > SLIVER]
    if not bodies:
        return None
    if all(body.volume() > 0 for body in bodies):
        return Manifold.batch_boolean(bodies, OpType.Add)  # bodies may overlap
    return solid if solid.volume() > 0 else None


def _wound(surface: Surface) -> Surface:
    """The same triangles, wound so that neighbours agree and normals point outwards."""
    import trimesh

    mesh = trimesh.Trimesh(*surface, process=False)
    repair: Any = trimesh.repair
    repair.fix_normals(mesh, multibody=True)
    return Surface(np.array(mesh.vertices), np.array(mesh.faces))


def _rebuilt(surface: Surface) -> "manifold3d.Manifold":
    """The surface of the voxels that the triangles touch or enclose."""
    from manifold3d import Manifold
    from scipy import ndimage

    pitch = 1 / CELLS
    low = surface.vertices.min(axis=0) - 2.5 * pitch
    filled = ndimage.binary_fill_holes(_touched(surface, low, pitch))
    distance = ndimage.distance_transform_edt(filled) - ndimage.distance_transform_edt(~filled)
    # Voxels next to the boundary stand half a voxel from it.
    distance = pitch * (distance - 0.5 * np.sign(distance))
    values: list[float] = distance.ravel().tolist()
    shape: tuple[int, int, int] = distance.shape
    across, along = shape[1] * shape[2], shape[2]
    centre: list[float] = (low + pitch / 2).tolist()
    x0, y0, z0 = centre

    def level(x: float, y: float, z: float) -> float:
        """The distance inside the boundary, interpolated between the voxels' centres."""
        u, v, w = (x - x0) / pitch, (y - y0) / pitch, (z - z0) / pitch
        i = min(max(int(u), 0), shape[0] - 2)
        j = min(max(int(v), 0), shape[1] - 2)
        k = min(max(int(w), 0), shape[2] - 2)
        u, v, w = u - i, v - j, w - k
        at = i * across + j * along + k
        near = _between(values, at, along, v, w)
        return near + u * (_between(values, at + across, along, v, w) - near)

    high = low + pitch * np.array(shape)
    solid = Manifold.level_set(level, [*low.tolist(), *high.tolist()], pitch)
    bodies = solid.decompose()
    return max(bodies, key=lambda body: float(body.volume())).simplify(0.25 * pitch)


def _between(values: list[float], at: int, along: int, v: float, w: float) -> float:
    low = values[at] + w * (values[at + 1] - values[at])
    high = values[at + along] + w * (values[at + along + 1] - values[at + along])
    return low + v * (high - low)


def _touched(
    surface: Surface, low: Float[np.ndarray, "3"], pitch: float
) -> Bool[np.ndarray, "x y z"]:
    """Voxels that triangles pass through: every triangle is sampled finer than a voxel."""
    size = np.ceil((surface.vertices.max(axis=0) - low) / pitch + 2.5).astype(int)
    grid = np.zeros(size, dtype=bool)
    corners = surface.vertices[surface.faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    steps = np.ceil(longest / (0.4 * pitch)).astype(int).clip(1)
    for count in np.unique(steps):
        some = corners[steps == count]
        i, j = np.array([(i, j) for i in range(count + 1) for j in range(count + 1 - i)]).T
        weights = np.stack((i, j, count - i - j)) / count
        # A bounded number of samples at a time.
        for few in np.array_split(some, 1 + len(some) * len(i) // 1_000_000):
            points = np.einsum("fcx,cs->fsx", few, weights).reshape(-1, 3)
            grid[tuple(((points - low) / pitch).astype(int).T)] = True
    return grid
