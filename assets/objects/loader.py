"""Meshes of your own: a file or a ShapeNet folder becomes an object, without trust in its content.

The file is parsed, repaired and decomposed in a process of its own under limits of time and
memory; plain arrays come back and are checked again. Nothing in the file names another file that
would be opened.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import hyperdyn
from hyperdyn.assets.objects import errors
from hyperdyn.assets.objects.errors import (
    MeshError,
    MeshFileError,
    MeshGeometryError,
    MeshLimitError,
    MeshPathError,
)
from hyperdyn.assets.objects.limits import MeshLimits, Treatment
from hyperdyn.assets.objects.push_object import PushObject
from hyperdyn.assets.objects.readers import SUFFIXES
from hyperdyn.assets.objects.solids import require_push
from hyperdyn.errors import HyperdynError

SHAPENET = Path("models") / "model_normalized.obj"  # in the folder of a ShapeNetCore.v2 model


def load_mesh_object(
    path: Path | str,
    *,
    root: Path | str | None = None,
    name: str | None = None,
    treatment: Treatment | None = None,
    limits: MeshLimits | None = None,
) -> PushObject:
    """Make an object of a mesh file (OBJ, STL, OFF, PLY, GLB) or of a ShapeNet model's folder.

    Args:
        path: The file, or a folder with `models/model_normalized.obj` (synset/id of ShapeNet).
        root: A folder that the path, relative to it, and every link on it must not leave.
        name: The object's id; the file's or folder's name unless given.
        treatment: Size, upward axis, repair, decomposition.
        limits: Bounds on bytes, faces, time and memory.

    Returns:
        The object, of the family "user"; `notes` says what was repaired or approximated.

    Raises:
        MeshPathError: If the path leaves its root or its ShapeNet folder.
        MeshFileError: If there is no such file, or it is truncated or not understood.
        MeshLimitError: If it is larger, or takes longer or more memory, than the limits allow.
        MeshGeometryError: If indices, vertices or the volume are unusable.
        HyperdynError: If a library is not installed.
    """
    require_push()
    limits = limits or MeshLimits()
    file, folder = _find(path, root)
    treatment = treatment or Treatment()
    if treatment.up is None:
        treatment = dataclasses.replace(treatment, up="z" if folder is None else "y")
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise MeshFileError(f"{file.name} is not one of {', '.join(SUFFIXES)}.")
    arrays = _convert(file, suffix, treatment, limits)
    return _object(name or (folder or file.with_suffix("")).name, arrays)


def _find(path: Path | str, root: Path | str | None) -> tuple[Path, Path | None]:
    """The file, free of links, and the ShapeNet folder it was found in, if any."""
    base = None if root is None else Path(root).resolve()
    found = (Path(path) if base is None else base / path).resolve()
    if base is not None and not found.is_relative_to(base):
        raise MeshPathError(f"{path} leaves {base}; name a path inside.")
    folder = None
    if found.is_dir():
        folder = found
        found = (folder / SHAPENET).resolve()
        if not found.is_relative_to(base or folder):
            raise MeshPathError(f"{folder / SHAPENET} leads out of {base or folder}.")
    if not found.is_file():
        wanted = f" (a folder needs {SHAPENET})" if folder is not None else ""
        raise MeshFileError(f"There is no file {found}{wanted}.")
    return found, folder


def _convert(
    file: Path, suffix: str, treatment: Treatment, limits: MeshLimits
) -> dict[str, np.ndarray]:
    """Run the conversion in a process of its own and read what it leaves."""
    from hyperdyn.assets.objects.conversion import REFUSAL, RESULT

    # The child finds this package as the parent did, and starts no threads of its own.
    source = str(Path(hyperdyn.__file__).resolve().parent.parent)
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    with tempfile.TemporaryDirectory() as scratch, file.open("rb") as data:
        size = os.fstat(data.fileno()).st_size
        if size > limits.megabytes * 2**20:
            raise MeshLimitError(
                f"{file.name} has {size / 2**20:,.0f} MB; at most {limits.megabytes:g} MB are "
                "read. Simplify it, or raise the limit with MeshLimits(megabytes=...)."
            )
        folder = Path(scratch)
        request = folder / "request.json"
        asked = {
            "suffix": suffix,
            "treatment": dataclasses.asdict(treatment),
            "limits": dataclasses.asdict(limits),
        }
        request.write_text(json.dumps(asked))
        command = [sys.executable, "-m", "hyperdyn.assets.objects.conversion"]
        try:
            done = subprocess.run(
                [*command, str(request), scratch],
                stdin=data,
                capture_output=True,
                timeout=limits.seconds,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MeshLimitError(
                f"{file.name} took more than {limits.seconds:g} s. Simplify it, or raise the limit "
                "with MeshLimits(seconds=...)."
            ) from error
        if (folder / REFUSAL).is_file():
            refusal = json.loads((folder / REFUSAL).read_text())
            kind = getattr(errors, refusal["error"], HyperdynError)
            raise kind(f"{file.name}: {refusal['text']}")
        if not (folder / RESULT).is_file():
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise MeshFileError(
                f"{file.name} ended the process that read it (status {done.returncode}"
                f"{': ' + last[0] if last else ''}). The file is damaged, or it needs more than "
                f"{limits.memory} MB: MeshLimits(memory=...)."
            )
        with np.load(folder / RESULT, allow_pickle=False) as saved:
            return {key: saved[key] for key in saved.files}


def _object(name: str, arrays: dict[str, np.ndarray]) -> PushObject:
    """Meshes out of plain arrays."""
    import trimesh

    vertices, faces, counts = arrays["vertices"], arrays["faces"], arrays["counts"]
    if not np.isfinite(vertices).all():
        raise MeshGeometryError(f"{name}: the repair left vertices that are not finite.")
    ends = np.cumsum(counts, axis=0)[:-1]
    meshes = [
        trimesh.Trimesh(points, corners, process=False)
        for points, corners in zip(
            np.split(vertices, ends[:, 0]), np.split(faces, ends[:, 1]), strict=True
        )
    ]
    if not (meshes[0].is_watertight and meshes[0].volume > 0):
        raise MeshError(f"{name}: the repair left no closed surface; load it with repair='hull'.")
    return PushObject(
        id=name,
        family="user",
        mesh=meshes[0],
        parts=tuple(meshes[1:]),
        mismatch=float(arrays["mismatch"]),
        notes=tuple(str(note) for note in arrays["notes"]),
    )
