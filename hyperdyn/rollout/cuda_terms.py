"""Objectives for the CUDA kernel: a table of terms as rows of numbers, one for each row of a tile.

The kernel sums over whole tiles, whose rows are the state columns and then the actions, so a term
becomes weights that are zero in the rows it does not read. What is summed for the returns is one
block of rows, what is summed for the violations another. In each block stand, in this order:

    change       1 row:  weights of the last state less the first
    smoothness   1 row:  weights of the squared change of the actions
    squares      2 rows each:  weights, goals                       Σ w (x - g)²
    outside      3 rows each:  weights, lows, highs                 Σ w max(0, l - x, x - h)ᵖ
    orientation  3 rows each:  weight, goal, ones where it reads    w 4 (1 - (g·x)² / ‖x‖²)

Rows of the last three kinds are filled first come, first served: terms that read different columns
share rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hyperdyn.terms import Term, TermKind, TermTable

Counts = tuple[int, int, int, int, int]
"""Whether there are changes and smoothness (0 or 1), then how many of the other three."""
NOTHING: Counts = (0, 0, 0, 0, 0)

Slot = dict[int, tuple[float, ...]]  # row of a tile -> the numbers of a term there
NO_SQUARE, NOT_OUTSIDE = (0.0, 0.0), (0.0, -np.inf, np.inf)


@dataclass(frozen=True, eq=False)
class TermRows:
    """A table of terms as the CUDA kernel reads it."""

    numbers: Float[np.ndarray, "R W"]
    """Both blocks, the returns' first; float32."""
    soft: Counts
    """What the first block holds."""
    hard: Counts
    """What the second block holds."""


def summable(table: TermTable) -> bool:
    """Whether the kernel has a form of all terms: of all but clearances."""
    return all(term.kind != TermKind.CLEARANCE for term in table.terms)


def term_rows(table: TermTable, state_dim: int, action_dim: int, width: int) -> TermRows:
    """Lay a summable table out for tiles of `width` rows."""
    soft = _block([term for term in table.terms if not term.hard], state_dim, action_dim, width)
    hard = _block([term for term in table.terms if term.hard], state_dim, action_dim, width)
    numbers = np.concatenate([soft[0], hard[0]]).astype(np.float32, order="C")
    return TermRows(numbers, soft[1], hard[1])


def _block(
    terms: Sequence[Term], state_dim: int, action_dim: int, width: int
) -> tuple[Float[np.ndarray, "R W"], Counts]:
    change, smoothness = np.zeros(width), np.zeros(width)
    squares: list[Slot] = []
    outsides: list[Slot] = []
    orientations: list[np.ndarray] = []
    actions = range(state_dim, state_dim + action_dim)
    for term in terms:
        scale, columns, numbers = term.scale, term.columns, term.numbers.astype(np.float64)
        if term.kind == TermKind.CHANGE:
            change[columns[0]] += scale
        elif term.kind == TermKind.SMOOTHNESS:
            smoothness[list(actions)] += scale
        elif term.kind == TermKind.CONTROL:
            for row in actions:
                _put(squares, row, (scale, 0.0))
        elif term.kind == TermKind.DISTANCE:
            goals, weights = numbers.reshape(2, -1)
            for row, goal, weight in zip(columns, goals, weights, strict=True):
                _put(squares, row, (scale * weight, goal))
        elif term.kind == TermKind.OUTSIDE:
            lows, highs = numbers.reshape(2, -1)
            for row, low, high in zip(columns, lows, highs, strict=True):
                _put(outsides, row, (scale, low, high))
        else:
            rows = np.zeros((3, width))
            rows[0] = scale
            np.add.at(rows[1], list(columns), numbers)
            np.add.at(rows[2], list(columns), 1.0)
            orientations.append(rows)
    block = [
        change[None],
        smoothness[None],
        *(_rows(slot, NO_SQUARE, width) for slot in squares),
        *(_rows(slot, NOT_OUTSIDE, width) for slot in outsides),
        *orientations,
    ]
    counts = (
        int(change.any()),
        int(smoothness.any()),
        len(squares),
        len(outsides),
        len(orientations),
    )
    return np.concatenate(block), counts


def _put(slots: list[Slot], row: int, numbers: tuple[float, ...]) -> None:
    """Put a term's numbers where its row is still free."""
    for slot in slots:
        if row not in slot:
            slot[row] = numbers
            return
    slots.append({row: numbers})


def _rows(slot: Slot, nothing: tuple[float, ...], width: int) -> Float[np.ndarray, "R W"]:
    return np.array([slot.get(row, nothing) for row in range(width)]).T
