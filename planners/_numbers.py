"""Reading and checking the numbers a user configures planners and proposals with."""

import math
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError

Numbers = float | Sequence[float]
"""One number for every action dimension, or a sequence with one for each."""


def numbers(name: str, value: object) -> float | tuple[float, ...]:
    """Read one number, or one per action dimension (any sequence or 1-D array), as floats.

    Args:
        name: What the value is called in the error text.
        value: The number or numbers.

    Raises:
        InputError: If it is neither, is empty, or holds a number that is not finite.
    """
    read: float | tuple[float, ...]
    try:
        if isinstance(value, Iterable):
            read = tuple(float(number) for number in value)
        else:
            read = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise _not_numbers(name, value) from error
    if read == ():
        raise _not_numbers(name, value)
    if not all(map(math.isfinite, each(read))):
        raise InputError(f"{name} must be finite, got {value!r}; give the range worth searching.")
    return read


def each(value: Numbers) -> tuple[float, ...]:
    """Lay the numbers out as a tuple: of one, if it is one number for every dimension."""
    return (value,) if isinstance(value, int | float) else tuple(value)


def require_order(low: Numbers, high: Numbers) -> None:
    """Refuse bounds of different lengths and bounds that cross.

    Raises:
        InputError: With the lengths, or with the first dimension where low exceeds high.
    """
    lows, highs = each(low), each(high)
    spread = isinstance(low, int | float) or isinstance(high, int | float)
    if not spread and len(lows) != len(highs):
        raise InputError(
            f"low has {len(lows)} numbers and high has {len(highs)}; give each one number per "
            "action dimension, or a single number that holds for all."
        )
    width = max(len(lows), len(highs))
    for dimension in range(width):
        lower, upper = lows[dimension % len(lows)], highs[dimension % len(highs)]
        if lower > upper:
            raise InputError(
                f"The bounds cross: in action dimension {dimension} low is {lower:g} and high is "
                f"{upper:g}; low must not exceed high."
            )


def require_at_least(name: str, value: int, least: int) -> None:
    """Refuse anything but a whole number of at least `least`.

    Raises:
        InputError: With the value given and the least that would do.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}.")


def require_range(
    name: str, value: float, least: float, most: float = math.inf, *, open_below: bool = False
) -> None:
    """Refuse a number that is not finite or not within [least, most] ((least, most] if open).

    Raises:
        InputError: With the value given and the range wanted.
    """
    inside = (value > least if open_below else value >= least) and value <= most
    if not (math.isfinite(value) and inside):
        side = "above" if open_below else "at least"
        upper = f" and at most {most:g}" if math.isfinite(most) else ""
        raise InputError(f"{name} must be finite, {side} {least:g}{upper}; got {value!r}.")


def as_row(name: str, value: Numbers, action_dim: int, like: Tensor) -> Float[Tensor, "A"]:
    """Spread a number, or lay out one per dimension, on the dtype and device of `like`.

    Raises:
        InputError: If there are several numbers, and not as many as action dimensions.
    """
    row = torch.tensor(each(value), dtype=like.dtype, device=like.device)
    if isinstance(value, int | float):
        return row.expand(action_dim)
    if len(row) != action_dim:
        raise InputError(
            f"{name} has {len(row)} numbers, but the dynamics takes actions of {action_dim}; "
            "give one number per action dimension, or a single number that holds for all."
        )
    return row


def _not_numbers(name: str, value: object) -> InputError:
    return InputError(
        f"{name} must be a number, or a sequence with one number per action dimension; "
        f"got {value!r}."
    )
