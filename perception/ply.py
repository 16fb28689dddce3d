"""PLY files of points, read without trusting them: sizes are checked before anything is made."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from hyperdyn.perception.errors import PointCloudError

MOST_POINTS = 20_000_000
MOST_HEADER_LINES = 200
LONGEST_LINE = 1000
_TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}

Array = npt.NDArray[np.float64]


def read_ply(path: Path) -> tuple[Array, Array | None]:
    """Read the vertices of a PLY file, ASCII or binary.

    Args:
        path: The file.

    Returns:
        Points (n, 3), and their colours (n, 3) from 0 to 1 where the file has any.

    Raises:
        PointCloudError: If this is no PLY file with x, y and z first in it, it is cut short, or it
            claims more than 20 million points.
    """
    with path.open("rb") as file:
        order, count, fields = _header(file, path)
        if order == "ascii":
            numbers = _ascii(file, path, count, len(fields))
        else:
            numbers = _binary(file, path, count, [_ORDERS[order] + code for _, code in fields])
    columns = {name: (numbers[:, index], code) for index, (name, code) in enumerate(fields)}
    points = np.stack([columns[axis][0] for axis in "xyz"], axis=1)
    names = ("red", "green", "blue")
    if not set(names) <= set(columns):
        return points, None
    scaled = [columns[name][0] / (1 if "f" in columns[name][1] else 255) for name in names]
    return points, np.clip(np.stack(scaled, axis=1), 0, 1)


def _header(file: BinaryIO, path: Path) -> tuple[str, int, list[tuple[str, str]]]:
    """Encoding, number of vertices, and name and type of each of their properties."""
    order, element, count = "", "", -1
    fields: list[tuple[str, str]] = []
    for number in range(MOST_HEADER_LINES):
        words = file.readline(LONGEST_LINE).decode("ascii", errors="replace").split()
        if number == 0 and words != ["ply"]:
            raise PointCloudError(f"{path} is not a PLY file: it does not begin with 'ply'.")
        match words:
            case ["format", name, _] if name in _ORDERS:
                order = name
            case ["element", "vertex", number_text] if not element and number_text.isdigit():
                element, count = "vertex", int(number_text)
            case ["element", *_]:
                if not element:
                    raise PointCloudError(f"{path} must list its vertices before all else.")
                element = "other"
            case ["property", kind, name] if element == "vertex" and kind in _TYPES:
                fields.append((name, _TYPES[kind]))
            case ["property", *_] if element == "vertex":
                raise PointCloudError(
                    f"{path} has a vertex property {' '.join(words[1:])!r}; only plain numbers "
                    f"can be read: {', '.join(_TYPES)}."
                )
            case ["end_header"]:
                break
    names = [name for name, _ in fields]
    if not order or not {"x", "y", "z"} <= set(names) or len(names) > len(set(names)):
        raise PointCloudError(
            f"{path} has no header that can be read: give 'format' ascii, binary_little_endian or "
            f"binary_big_endian, and vertices with x, y and z once each (found {names})."
        )
    if not 0 < count <= MOST_POINTS:
        raise PointCloudError(
            f"{path} says it holds {count} points; give 1 to {MOST_POINTS:,}, thinned if needed."
        )
    return order, count, fields


def _binary(file: BinaryIO, path: Path, count: int, codes: list[str]) -> Array:
    kind = np.dtype([(str(index), code) for index, code in enumerate(codes)])
    # Compared with the file's length first: a header may claim any number.
    left = path.stat().st_size - file.tell()
    if left < count * kind.itemsize:
        raise PointCloudError(
            f"{path} says it holds {count} points of {kind.itemsize} bytes but has {left} bytes "
            "of them: it is cut short. Write or copy it again."
        )
    table = np.frombuffer(file.read(count * kind.itemsize), dtype=kind)
    return np.stack([table[str(index)].astype(np.float64) for index in range(len(codes))], axis=1)


def _ascii(file: BinaryIO, path: Path, count: int, width: int) -> Array:
    rows = []
    for number in range(count):
        words = file.readline(LONGEST_LINE).split()
        if len(words) != width:
            raise PointCloudError(
                f"{path}, point {number}: {len(words)} numbers where the header names {width}; it "
                "is cut short or damaged."
            )
        rows.append(words)
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise PointCloudError(f"{path} holds a word that is not a number: {error}.") from error
