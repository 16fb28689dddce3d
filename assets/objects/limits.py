"""What reading a foreign mesh may cost, and how it is turned into an object."""

from dataclasses import dataclass
from typing import Literal

from hyperdyn.errors import InputError, require_known

Axis = Literal["x", "y", "z"]
Repair = Literal["voxels", "hull", "refuse"]
Decomposition = Literal["auto", "planes", "vhacd", "coacd", "hull"]

AXES = ("x", "y", "z")
REPAIRS = ("voxels", "hull", "refuse")
DECOMPOSITIONS = ("auto", "planes", "vhacd", "coacd", "hull")


@dataclass(frozen=True, kw_only=True)
class MeshLimits:
    """Bounds on a foreign mesh; the process that reads it is ended beyond the last two.

    Attributes:
        megabytes: Size of the file.
        faces: Triangles, after polygons have been divided.
        seconds: Time to read, repair and decompose.
        memory: What the reading process may take beyond its libraries, MB.

    Raises:
        InputError: If a limit is not positive.
    """

    megabytes: float = 128.0
    faces: int = 500_000
    seconds: float = 120.0
    memory: int = 2048

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise InputError(f"The limit {name} must be positive; got {value}.")


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """What is done with a foreign mesh once it is read.

    Attributes:
        size: The longer horizontal side it shall have, m; None keeps the file's own unit as m.
        up: The file's axis that points up; None is y in a ShapeNet folder and z elsewhere.
        repair: For a mesh that is not watertight: "voxels" rebuilds its surface, "hull" takes its
            convex hull, "refuse" raises.
        decomposition: How the collision parts are found: "planes" cuts the solid along planes,
            "vhacd" and "coacd" call those libraries, "hull" is one convex hull, "auto" is "hull"
            for a mesh that is nearly convex and "planes" otherwise.
        max_parts: The most parts.

    Raises:
        InputError: For a size or count that is not positive.
        UnknownNameError: For an axis or a method that does not exist.
    """

    size: float | None = 0.10
    up: Axis | None = None
    repair: Repair = "voxels"
    decomposition: Decomposition = "auto"
    max_parts: int = 24

    def __post_init__(self) -> None:
        if self.up is not None:
            require_known("axis", self.up, AXES)
        require_known("repair", self.repair, REPAIRS)
        require_known("decomposition", self.decomposition, DECOMPOSITIONS)
        if self.size is not None and not 0 < self.size < float("inf"):
            raise InputError(f"size is a length in metres, such as 0.1; got {self.size}.")
        if self.max_parts < 1:
            raise InputError(f"max_parts must be at least 1; got {self.max_parts}.")
