"""The columns of the state that an objective reads, and the numbers that go with them."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._numbers import numbers


def read_columns(value: object, name: str = "columns") -> tuple[int, ...]:
    """Read one or more columns; negative ones count from the end.

    Raises:
        InputError: If it is anything but a sequence of whole numbers.
    """
    given = tuple(value) if isinstance(value, Sequence) else ()
    if not given or not all(type(column) is int for column in given):
        raise InputError(
            f"{name} must be one or more whole numbers, such as (0, 1); got {value!r}."
        )
    return given


def read_for_columns(
    name: str, value: object, columns: tuple[int, ...], *, unbounded: bool = False
) -> float | tuple[float, ...]:
    """Read one number for all columns, or one for each; infinite ones only if `unbounded`.

    Raises:
        InputError: If they are no numbers, are not finite, or do not fit the columns.
    """
    try:
        read = numbers(name, value)
    except InputError:
        if not unbounded or not isinstance(value, Sequence) or isinstance(value, str):
            raise
        numbers(name, [0.0 if bound in (math.inf, -math.inf) else bound for bound in value])
        read = tuple(map(float, value))
    if isinstance(read, tuple) and len(read) != len(columns):
        raise InputError(
            f"{name} has {len(read)} numbers for {len(columns)} columns; give one number for each, "
            "or a single number that holds for all."
        )
    return read


def one_each(value: float | tuple[float, ...], columns: tuple[int, ...]) -> tuple[float, ...]:
    """Lay one number for all columns, or one for each, out as one for each."""
    return value if isinstance(value, tuple) else (value,) * len(columns)


def resolve(
    objective: object,
    columns: tuple[int, ...],
    width: int,
    mend: str = "name columns that are there",
) -> tuple[int, ...]:
    """Count columns from the start, 0 to width - 1.

    Raises:
        InputError: If one is not there; names the objective's class and says what to do.
    """
    missing = [column for column in columns if not -width <= column < width]
    if missing:
        raise InputError(
            f"{type(objective).__name__} reads state column {missing[0]}, but states have {width} "
            f"columns; {mend}."
        )
    return tuple(column % width for column in columns)


def select(
    objective: object, columns: tuple[int, ...], states: Float[Tensor, "E N T S"]
) -> Float[Tensor, "E N H C"]:
    """The columns of all states but the given one.

    Raises:
        InputError: As `resolve`.
    """
    index = torch.tensor(resolve(objective, columns, states.shape[-1]), device=states.device)
    return states[:, :, 1:].index_select(-1, index)
