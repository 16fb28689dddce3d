"""From the bytes of a foreign mesh file to the arrays of an object; runs in a process of its own.

    python -m hyperdyn.assets.objects.conversion REQUEST.json FOLDER < FILE

leaves `object.npz` in the folder, or `refused.json` with the name and the text of an error.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

from hyperdyn.assets.objects.checks import checked
from hyperdyn.assets.objects.decompose import convex_parts, mismatch
from hyperdyn.assets.objects.errors import MeshLimitError
from hyperdyn.assets.objects.limits import MeshLimits, Treatment
from hyperdyn.assets.objects.readers import read
from hyperdyn.assets.objects.repair import closed
from hyperdyn.assets.objects.settle import UPRIGHT, resting
from hyperdyn.assets.objects.solids import as_mesh
from hyperdyn.errors import HyperdynError

DETAIL = 5e-4  # of the largest extent: finer detail is smoothed away
RESULT, REFUSAL = "object.npz", "refused.json"


def convert(
    data: bytes, suffix: str, treatment: Treatment, limits: MeshLimits
) -> dict[str, np.ndarray]:
    """Read, check, repair, lay down, scale and decompose a mesh.

    Args:
        data: The file.
        suffix: Its format, such as ".obj".
        treatment: What to do with it.
        limits: How many faces to read.

    Returns:
        Plain arrays: vertices, faces and their counts for the mesh and then each part, the
        mismatch between mesh and parts, and notes.

    Raises:
        MeshError: If it cannot become an object.
        HyperdynError: If a library that was asked for is not installed.
    """
    surface, unit = checked(read(data, suffix, limits.faces), limits.faces)
    solid, notes = closed(surface, treatment.repair)
    solid = solid.simplify(DETAIL)
    solid = _turned(solid, UPRIGHT[treatment.up or "z"])
    turn = resting(solid, as_mesh(solid).center_mass)
    if turn[2, 2] < 1 - 1e-4:
        angle = float(np.degrees(np.arccos(np.clip(turn[2, 2], -1.0, 1.0))))
        notes.append(f"It did not stand as it was given: it was tilted by {angle:.1f} degrees.")
    solid = _turned(solid, turn)
    parts, said = convex_parts(solid, treatment.decomposition, treatment.max_parts)
    apart = mismatch(solid, parts)
    if apart > 0.02:
        said.append(f"The convex parts differ from the mesh by {100 * apart:.1f} % of its volume.")

    meshes = [as_mesh(piece) for piece in (solid, *parts)]
    longest = float(np.ptp(meshes[0].vertices[:, :2], axis=0).max())
    scale = unit if treatment.size is None else treatment.size / longest
    x, y, _ = meshes[0].center_mass
    origin = np.array([x, y, meshes[0].bounds[0][2]])
    return {
        "vertices": np.concatenate([scale * (mesh.vertices - origin) for mesh in meshes]),
        "faces": np.concatenate([mesh.faces for mesh in meshes]),
        "counts": np.array([(len(mesh.vertices), len(mesh.faces)) for mesh in meshes]),
        "mismatch": np.array(apart),
        "notes": np.array(notes + said, dtype=np.str_),
    }


def _turned(solid: Any, rotation: np.ndarray) -> Any:
    return solid.transform(np.concatenate((rotation, np.zeros((3, 1))), axis=1))


def main(request: Path, folder: Path) -> None:
    """Convert what stands on standard input within the limits that the request names."""
    asked = json.loads(request.read_text())
    limits, treatment = MeshLimits(**asked["limits"]), Treatment(**asked["treatment"])
    memory = _in_use() + limits.memory * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seconds = int(limits.seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        arrays: dict[str, Any] = convert(
            sys.stdin.buffer.read(), asked["suffix"], treatment, limits
        )
    except HyperdynError as error:
        refusal = {"error": type(error).__name__, "text": str(error)}
    except MemoryError:
        text = f"The mesh needs more than {limits.memory} MB. Simplify it, or raise the limit."
        refusal = {"error": MeshLimitError.__name__, "text": text}
    else:
        np.savez(folder / RESULT, **arrays)
        return
    (folder / REFUSAL).write_text(json.dumps(refusal))


def _in_use() -> int:
    """Bytes of address space that the libraries take, loaded and with their buffers laid out."""
    import manifold3d  # noqa: F401
    import scipy.ndimage  # noqa: F401
    import trimesh  # noqa: F401

    np.ones((64, 64)) @ np.ones((64, 64))
    pages = Path("/proc/self/statm")
    if not pages.is_file():
        return 2**31
    return int(pages.read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
