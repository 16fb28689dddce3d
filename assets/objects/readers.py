"""Bytes of a mesh file to vertices and triangles: OBJ, STL, OFF here, PLY and GLB by trimesh.

Nothing else is opened: materials, textures and buffers in other files are ignored or refused.
"""

import io
import itertools
import re
import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from hyperdyn.assets.objects.errors import MeshFileError, MeshGeometryError, MeshLimitError

UNREADABLE = (  # what parsers raise on bytes that are not what they seem
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,
    NotImplementedError,
    TypeError,
    ValueError,
    struct.error,
)


class Surface(NamedTuple):
    """Triangles as they stand in a file; indices may still be anything."""

    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]


def read(data: bytes, suffix: str, most_faces: int) -> Surface:
    """Read a mesh.

    Args:
        data: All of the file.
        suffix: One of `SUFFIXES`.
        most_faces: Where to give up.

    Raises:
        MeshFileError: If the file is truncated or cannot be parsed.
        MeshLimitError: If it has more triangles than `most_faces`.
        MeshGeometryError: If a face of an OBJ file names a vertex that is not there.
    """
    try:
        return READERS[suffix](data, most_faces)
    except UNREADABLE as error:
        if isinstance(error, MeshFileError | MeshLimitError | MeshGeometryError):
            raise
        raise MeshFileError(
            f"This is not a readable {suffix} file ({type(error).__name__}: {error}). Export the "
            "mesh again, or in another format."
        ) from error


def require_few(count: int, most: int) -> None:
    """Refuse a mesh of too many triangles.

    Raises:
        MeshLimitError: With both counts.
    """
    if count > most:
        raise MeshLimitError(
            f"The mesh has {count:,} faces or more; at most {most:,} are read. Simplify it, or "
            "raise the limit with MeshLimits(faces=...)."
        )


def _obj(data: bytes, most: int) -> Surface:
    vertices: list[tuple[float, ...]] = []
    faces: list[tuple[int, int, int]] = []
    for number, line in enumerate(data.replace(b"\\\n", b" ").splitlines(), start=1):
        if line.startswith((b"v ", b"v\t")):
            position = tuple(float(word) for word in line.split()[1:4])
            if len(position) < 3:
                raise MeshFileError(f"Line {number} is cut off: a vertex needs three numbers.")
            vertices.append(position)
        elif line.startswith((b"f ", b"f\t")):
            corners = [int(word.split(b"/")[0]) for word in line.split()[1:]]
            if len(corners) < 3:
                raise MeshFileError(f"Line {number} is cut off: a face needs three corners.")
            # Negative indices count back from the vertex read last.
            places = [c - 1 if c > 0 else len(vertices) + c for c in corners]
            if 0 in corners or min(places) < 0:
                raise MeshGeometryError(f"Line {number}: no vertex has the index {min(corners)}.")
            faces += [(places[0], b, c) for b, c in itertools.pairwise(places[1:])]
            require_few(len(faces), most)
    return _surface(vertices, faces)


def _stl(data: bytes, most: int) -> Surface:
    if len(data) >= 84:
        (count,) = struct.unpack_from("<I", data, 80)
        if len(data) == 84 + 50 * count:
            require_few(count, most)
            record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
            return _soup(np.frombuffer(data, record, count, offset=84)["corners"])
    if data[:5].lower() != b"solid" or b"facet" not in data:
        told = f"announces {count:,} faces but" if len(data) >= 84 else "is too short:"
        raise MeshFileError(f"The STL file {told} has {len(data):,} bytes. Copy it again.")
    if b"endsolid" not in data[-2000:]:
        raise MeshFileError("The STL file ends before its endsolid line. Copy it again.")
    require_few(data.count(b"endfacet"), most)
    words = re.findall(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", data)
    return _soup(np.array(words, dtype=np.float64).reshape(-1, 3, 3))


def _off(data: bytes, most: int) -> Surface:
    words = re.sub(rb"#[^\n]*", b"", data).split()
    if not words or words[0] != b"OFF":
        raise MeshFileError("An OFF file begins with the word OFF.")
    vertices, polygons = int(words[1]), int(words[2])
    require_few(polygons, most)
    end = 4 + 3 * vertices
    if min(vertices, polygons) < 0 or end + 4 * polygons > len(words):
        raise MeshFileError(
            f"The OFF file announces {vertices:,} vertices and {polygons:,} faces but ends early."
        )
    points = np.array(words[4:end], dtype=np.float64).reshape(-1, 3)
    faces: list[tuple[int, int, int]] = []
    for _ in range(polygons):
        size = int(words[end])
        corners = [int(word) for word in words[end + 1 : end + 1 + size]]
        if len(corners) < max(size, 3):
            raise MeshFileError("The OFF file ends in the middle of a face.")
        faces += [(corners[0], b, c) for b, c in itertools.pairwise(corners[1:])]
        require_few(len(faces), most)
        end += 1 + size
    return Surface(points, np.array(faces, dtype=np.int64).reshape(-1, 3))


def _ply(data: bytes, most: int) -> Surface:
    head, end, _ = data.partition(b"end_header")
    if not data.startswith(b"ply") or not end:
        raise MeshFileError("A PLY file begins with ply and a header that ends; this one does not.")
    announced = {name: int(count) for name, count in re.findall(rb"element\s+(\w+)\s+(\d+)", head)}
    require_few(announced.get(b"face", 0), most)
    found = _by_trimesh(data, "ply")
    if len(found.vertices) != announced.get(b"vertex"):
        raise MeshFileError("The PLY file does not hold the vertices that its header announces.")
    return found


def _glb(data: bytes, most: int) -> Surface:
    magic, _, length = struct.unpack_from("<4sII", data)
    if magic != b"glTF" or length != len(data):
        raise MeshFileError(
            f"A GLB file begins with glTF and its length; this one begins with {magic!r}, "
            f"announces {length:,} bytes and has {len(data):,}."
        )
    return _by_trimesh(data, "glb")


def _by_trimesh(data: bytes, kind: str) -> Surface:
    import trimesh

    scene = trimesh.load_scene(io.BytesIO(data), file_type=kind, process=False)
    mesh = scene.to_mesh()
    return Surface(np.array(mesh.vertices, dtype=np.float64), np.array(mesh.faces, dtype=np.int64))


def _soup(corners: np.ndarray) -> Surface:
    """Triangles that name their corners by position: equal positions become one vertex."""
    flat = corners.reshape(-1, 3).astype(np.float64)
    vertices, index = np.unique(flat, axis=0, return_inverse=True)
    return Surface(vertices, index.reshape(-1, 3))


def _surface(vertices: list[tuple[float, ...]], faces: list[tuple[int, int, int]]) -> Surface:
    return Surface(
        np.array(vertices, dtype=np.float64).reshape(-1, 3),
        np.array(faces, dtype=np.int64).reshape(-1, 3),
    )


READERS: dict[str, Callable[[bytes, int], Surface]] = {
    ".obj": _obj,
    ".stl": _stl,
    ".off": _off,
    ".ply": _ply,
    ".glb": _glb,
}
SUFFIXES = tuple(READERS)
