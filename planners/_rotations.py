"""Rotations as a user writes them down: quaternions (x, y, z, w), and angles in the plane."""

import math

from hyperdyn.errors import InputError
from hyperdyn.planners._numbers import each, numbers

Rows = tuple[tuple[float, ...], ...]
"""A square matrix, row by row."""


def unit_quaternion(name: str, value: object) -> tuple[float, ...]:
    """Read a rotation (x, y, z, w) and bring it to unit length.

    Raises:
        InputError: If it is not four finite numbers, or all of them are zero.
    """
    read = numbers(name, value)
    length = math.hypot(*each(read))
    if not isinstance(read, tuple) or len(read) != 4 or length == 0.0:
        raise InputError(
            f"{name} must be a quaternion of four numbers (x, y, z, w), not all zero, such as "
            f"(0, 0, 0, 1) for no rotation; got {value!r}."
        )
    return tuple(number / length for number in read)


def plane_rotation(angle: float) -> Rows:
    """Matrix that turns vectors of the plane by an angle in radians, from the first axis on."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return (cosine, -sine), (sine, cosine)


def quaternion_rotation(q: tuple[float, ...]) -> Rows:
    """Matrix that turns vectors of space as a unit quaternion (x, y, z, w) does."""
    x, y, z, w = q
    return (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )


def transposed(rows: Rows) -> Rows:
    """The inverse of a rotation."""
    return tuple(zip(*rows, strict=True))
