"""A rigid object as pushing needs it: closed mesh, convex parts, mass properties, outline."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from hyperdyn.assets.objects.raster import cover
from hyperdyn.errors import InputError

if TYPE_CHECKING:
    import trimesh


@dataclass(frozen=True, eq=False, kw_only=True)
class PushObject:
    """One object, lying on the table as it rests.

    Lengths are in metres. The frame: z up, the table's plane is z = 0, and the centre of mass of
    the solid at uniform density lies on the z axis. The meshes are read-only.

    Attributes:
        id: Its name, such as "mug-2".
        family: "mit", "camera", "mug", "bowl", "bed", or "user".
        mesh: Watertight surface.
        parts: Convex meshes that cover it, for collision.
        mismatch: Volume in the mesh or in the union of its parts but not in both, as a share
            of the volume of the mesh; 0 for packaged objects, which are the union of their parts.
        notes: What a loader repaired or approximated, in sentences; empty for packaged objects.
    """

    id: str
    family: str
    mesh: "trimesh.Trimesh"
    parts: tuple["trimesh.Trimesh", ...]
    mismatch: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for mesh in (self.mesh, *self.parts):
            mesh.mutable = False

    @functools.cached_property
    def extents(self) -> Float[np.ndarray, "3"]:
        """Sides of the axis-aligned bounding box in this pose, m."""
        low, high = self.mesh.bounds
        return np.asarray(high - low)

    @property
    def size(self) -> float:
        """The longer horizontal side of the bounding box, m."""
        return float(self.extents[:2].max())

    @property
    def height(self) -> float:
        """How far it rises above the table, m."""
        return float(self.extents[2])

    @functools.cached_property
    def radius(self) -> float:
        """The largest horizontal distance of a point from the centre of mass, m."""
        return float(np.linalg.norm(self.mesh.vertices[:, :2], axis=1).max())

    @functools.cached_property
    def centre_of_mass(self) -> Float[np.ndarray, "3"]:
        """(0, 0, height of the centre of mass), m."""
        return np.array([0.0, 0.0, float(self.mesh.center_mass[2])])

    @functools.cached_property
    def inertia_per_mass(self) -> Float[np.ndarray, "3 3"]:
        """Inertia tensor about the centre of mass in this frame, for 1 kg, m²."""
        inertia = np.asarray(self.mesh.moment_inertia) / self.mesh.volume
        return np.asarray((inertia + inertia.T) / 2)

    @functools.cached_property
    def principal(self) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 3"]]:
        """Principal moments for 1 kg (m², ascending) and axes as columns, right-handed."""
        moments, axes = np.linalg.eigh(self.inertia_per_mass)
        axes[:, 2] *= np.sign(np.linalg.det(axes))
        return moments, axes

    def footprint(
        self, resolution: int, extent: float, *, yaw: float = 0.0
    ) -> Bool[np.ndarray, "rows columns"]:
        """Its outline seen from straight above, the label of the top-down view.

        Args:
            resolution: Pixels along each side.
            extent: Side of the square seen, m; the centre of mass is in the middle.
            yaw: Rotation about the vertical axis, radians, counter-clockwise.

        Returns:
            True where the object covers the pixel's centre. Column c sees x = (c + 0.5) · extent
            / resolution − extent / 2, row r sees y = extent / 2 − (r + 0.5) · extent / resolution:
            x points right and y up.

        Raises:
            InputError: If a number is not positive.
        """
        if resolution < 1 or not extent > 0:
            raise InputError(
                f"footprint needs a positive resolution and extent; got {resolution} and {extent}."
            )
        turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
        flat = self.mesh.vertices[:, :2] @ turn * [1, -1]  # rows count downwards
        pixels = (flat / extent + 0.5) * resolution
        seen = cover(np.asarray(pixels)[self.mesh.faces], resolution, resolution)
        image = np.zeros((resolution, resolution), dtype=bool)
        image[seen.row, seen.column] = True
        return image

    def write_obj(self, folder: Path) -> tuple[Path, Path]:
        """Write the mesh, and the parts as named groups of one file, as OBJ.

        A simulator that makes one convex hull of every group (PyBullet does) collides with the
        parts when it loads the second file.

        Args:
            folder: Where to; it is made if it is not there.

        Returns:
            The file of the mesh and the file of the parts.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = (folder / f"{self.id}.obj", folder / f"{self.id}-parts.obj")
        for file, meshes in zip(files, ((self.mesh,), self.parts), strict=True):
            file.write_text(_obj(meshes))
        return files


def _obj(meshes: "tuple[trimesh.Trimesh, ...]") -> str:
    lines, first = [], 1
    for number, mesh in enumerate(meshes):
        lines.append(f"o part_{number}")
        lines += [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in mesh.vertices]
        lines += [f"f {a} {b} {c}" for a, b, c in np.asarray(mesh.faces) + first]
        first += len(mesh.vertices)
    return "\n".join(lines) + "\n"
