"""Objectives as tables: what a rollout kernel can sum up step by step, keeping no trajectory.

A term is a scale times a sum over the steps of a trajectory s[0] … s[H], a[0] … a[H-1]. A hard term
adds to the candidate's violation instead of its return. With x the columns of the state that a term
names, p = 1 for hard terms and 2 for others, and numbers as all of the first, then of the second:

    CHANGE       x[H] - x[0]                              one column
    CONTROL      Σ ‖a[t]‖²                                t = 0 … H-1
    SMOOTHNESS   Σ ‖a[t] - a[t-1]‖²                       t = 1 … H-1
    DISTANCE     Σ Σᵢ wᵢ (xᵢ[t] - gᵢ)²                    t = 1 … H; numbers g, w
    OUTSIDE      Σ Σᵢ max(0, lᵢ - xᵢ[t], xᵢ[t] - hᵢ)ᵖ     t = 1 … H; numbers l, h
    ORIENTATION  Σ 4 (1 - (q[t]·g)² / ‖q[t]‖²)            t = 1 … H; four columns; numbers g, a unit
    CLEARANCE    Σ max(0, m - d(x[t]))ᵖ                   t = 1 … H; numbers m, obstacles

d is the signed distance to the nearest of the obstacles in D = 2 or 3 dimensions, one a column. The
obstacles are their count, then for each its kind and its numbers:

    SPHERE  centre (D), radius
    BOX     centre (D), half sizes (D), rotation from the world's axes to the box's (D × D, by row)
    GRID    first point (D), spacing, points along each axis (D), distances (last axis fastest)

Between the points of a grid distances are interpolated, linear along each axis; beyond it they are
√(max(d, 0)² + e²), with d at the nearest point of its border and e the way there: no more than the
true distance to what lies inside the grid.
"""

import enum
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray


class TermKind(enum.IntEnum):
    """What a term sums over the steps; see the module."""

    CHANGE = 0
    CONTROL = 1
    SMOOTHNESS = 2
    DISTANCE = 3
    OUTSIDE = 4
    ORIENTATION = 5
    CLEARANCE = 6


class ObstacleKind(enum.IntEnum):
    """Shape of an obstacle in the numbers of a CLEARANCE term."""

    SPHERE = 0
    BOX = 1
    GRID = 2


@dataclass(frozen=True, eq=False)
class Term:
    """One term of an objective."""

    kind: TermKind
    """What is summed."""
    scale: float
    """What the sum is multiplied by."""
    columns: tuple[int, ...] = ()
    """Columns of the state that are read, 0 to S-1."""
    numbers: Float[np.ndarray, " M"] = field(default_factory=lambda: np.empty(0, np.float32))
    """Numbers of the kind, float32."""
    hard: bool = False
    """Whether it adds to the violation rather than to the return."""

    def scaled(self, factor: float) -> "Term":
        """This term times a number."""
        return replace(self, scale=self.scale * factor)


@dataclass(frozen=True, eq=False)
class TermTable:
    """Terms as the kernels read them: two flat arrays."""

    terms: tuple[Term, ...]
    """The terms; returns and violations are sums of them."""
    codes: NDArray[np.int64]
    """Count of terms, then for each: kind, hard, columns counted, numbers counted, columns."""
    numbers: NDArray[np.float32]
    """For each term: scale, then its numbers."""
    hard: bool
    """Whether any term is hard."""
    columns: int
    """State columns there must be: one more than the last that is read."""

    @functools.cached_property
    def addresses(self) -> tuple[int, int]:
        """Of the codes and of the numbers in memory, while this table lives."""
        return self.codes.ctypes.data, self.numbers.ctypes.data

    @classmethod
    def of(cls, terms: Sequence[Term]) -> "TermTable":
        """Lay terms out."""
        codes, numbers = [len(terms)], [np.empty(0, np.float32)]
        for term in terms:
            codes += [term.kind, term.hard, len(term.columns), len(term.numbers), *term.columns]
            numbers += [np.array([term.scale], np.float32), term.numbers.astype(np.float32)]
        return cls(
            tuple(terms),
            np.array(codes, dtype=np.int64),
            np.concatenate(numbers),
            any(term.hard for term in terms),
            1 + max((column for term in terms for column in term.columns), default=-1),
        )
