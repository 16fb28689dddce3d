"""Objectives inside the CPU kernel: the terms of a table, summed over the lanes of a tile.

A tile holds one row of candidates for each action of each step and for each state column; `floats`
of an address are its numbers. The formulas are those of `hyperdyn.terms`.
"""

import math
from typing import no_type_check

import numba
import numpy as np
from numpy.typing import NDArray

from hyperdyn.rollout.cpu_intrinsics import Untyped, floats
from hyperdyn.terms import ObstacleKind, TermKind

CHANGE, CONTROL, SMOOTHNESS, DISTANCE = (
    int(kind)
    for kind in (TermKind.CHANGE, TermKind.CONTROL, TermKind.SMOOTHNESS, TermKind.DISTANCE)
)
OUTSIDE, ORIENTATION = int(TermKind.OUTSIDE), int(TermKind.ORIENTATION)
SPHERE, BOX = int(ObstacleKind.SPHERE), int(ObstacleKind.BOX)
ZERO = np.float32(0.0)


@no_type_check  # numba compiles these as they stand
def _add_action_terms(
    codes: NDArray[np.int64],
    numbers: NDArray[np.float32],
    actions_at: int,
    action_dim: int,
    horizon: int,
    lanes: int,
    sums_at: int,
    violations_at: int,
) -> bool:
    """Add what depends on the actions alone; tell whether any term reads states on the way."""
    actions = floats(actions_at)
    on_the_way = False
    code, number = 1, 0
    for _ in range(codes[0]):
        kind, scale = codes[code], numbers[number]
        into = floats(violations_at if codes[code + 1] else sums_at)
        if kind == CONTROL:
            for row in range(0, horizon * action_dim * lanes, lanes):
                for lane in range(lanes):
                    value = actions[row + lane]
                    into[lane] += scale * value * value
        elif kind == SMOOTHNESS:
            before = action_dim * lanes
            for row in range(before, horizon * action_dim * lanes, lanes):
                for lane in range(lanes):
                    value = actions[row + lane] - actions[row - before + lane]
                    into[lane] += scale * value * value
        elif kind != CHANGE:
            on_the_way = True
        code, number = code + 4 + codes[code + 2], number + 1 + codes[code + 3]
    return on_the_way


@no_type_check
def _add_state_terms(
    codes: NDArray[np.int64],
    numbers: NDArray[np.float32],
    places: NDArray[np.int64],
    state_at: int,
    lanes: int,
    sums_at: int,
    violations_at: int,
) -> None:
    """Add what a state after an action is worth; `places` are the rows of the state columns."""
    state = floats(state_at)
    code, number = 1, 0
    for _ in range(codes[0]):
        kind, hard, columns, count = codes[code], codes[code + 1], codes[code + 2], codes[code + 3]
        scale, first, column = numbers[number], number + 1, code + 4
        into = floats(violations_at if hard else sums_at)
        if kind == DISTANCE:
            for index in range(columns):
                row = places[codes[column + index]] * lanes
                goal = numbers[first + index]
                weight = scale * numbers[first + columns + index]
                for lane in range(lanes):
                    off = state[row + lane] - goal
                    into[lane] += weight * off * off
        elif kind == OUTSIDE:
            for index in range(columns):
                row = places[codes[column + index]] * lanes
                low, high = numbers[first + index], numbers[first + columns + index]
                for lane in range(lanes):
                    value = state[row + lane]
                    off = max(ZERO, low - value) + max(ZERO, value - high)
                    into[lane] += scale * (off if hard else off * off)
        elif kind == ORIENTATION:
            for lane in range(lanes):
                dot, size = ZERO, ZERO
                for index in range(4):
                    value = state[places[codes[column + index]] * lanes + lane]
                    dot += value * numbers[first + index]
                    size += value * value
                into[lane] += scale * np.float32(4.0) * (np.float32(1.0) - dot * dot / size)
        elif kind != CONTROL and kind != SMOOTHNESS and kind != CHANGE:
            margin = numbers[first]
            for lane in range(lanes):
                distance = _clearance(
                    numbers, first + 1, state, codes, column, columns, places, lanes, lane
                )
                near = max(ZERO, margin - distance)
                into[lane] += scale * (near if hard else near * near)
        code, number = column + columns, first + count


@no_type_check
def _finish(
    codes: NDArray[np.int64],
    numbers: NDArray[np.float32],
    places: NDArray[np.int64],
    state_at: int,
    start_at: int,
    state_dim: int,
    lanes: int,
    sums_at: int,
    violations_at: int,
) -> None:
    """Add what the last state is worth; rank what is not finite last."""
    state, start = floats(state_at), floats(start_at)
    sums, violations = floats(sums_at), floats(violations_at)
    code, number = 1, 0
    for _ in range(codes[0]):
        if codes[code] == CHANGE:
            column, scale = codes[code + 4], numbers[number]
            row = places[column] * lanes
            into = floats(violations_at if codes[code + 1] else sums_at)
            for lane in range(lanes):
                into[lane] += scale * (state[row + lane] - start[column])
        code, number = code + 4 + codes[code + 2], number + 1 + codes[code + 3]
    # States add up: what was once not finite still is, whatever a maximum made of it in a term.
    for row in range(0, state_dim * lanes, lanes):
        for lane in range(lanes):
            sums[lane] += state[row + lane] * ZERO
    for lane in range(lanes):
        if not math.isfinite(sums[lane] + violations[lane] * ZERO):
            sums[lane], violations[lane] = -np.float32(np.inf), np.float32(np.inf)


@no_type_check
def _clearance(
    numbers: NDArray[np.float32],
    at: int,
    state: Untyped,
    codes: NDArray[np.int64],
    column: int,
    dims: int,
    places: NDArray[np.int64],
    lanes: int,
    lane: int,
) -> float:
    """Signed distance of one lane's point to the nearest obstacle."""
    point = (
        state[places[codes[column]] * lanes + lane],
        state[places[codes[column + 1]] * lanes + lane],
        state[places[codes[column + dims - 1]] * lanes + lane],
    )
    nearest = np.float32(np.inf)
    count, at = int(numbers[at]), at + 1
    for _ in range(count):
        kind, at = int(numbers[at]), at + 1
        if kind == SPHERE:
            square = ZERO
            for axis in range(dims):
                off = point[axis] - numbers[at + axis]
                square += off * off
            distance = np.sqrt(square) - numbers[at + dims]
            at += dims + 1
        elif kind == BOX:
            square, inside = ZERO, -np.float32(np.inf)
            for axis in range(dims):
                along = ZERO
                for other in range(dims):
                    off = point[other] - numbers[at + other]
                    along += numbers[at + (2 + axis) * dims + other] * off
                beyond = abs(along) - numbers[at + dims + axis]
                inside = max(inside, beyond)
                square += max(ZERO, beyond) ** 2
            distance = np.sqrt(square) + min(inside, ZERO)
            at += (2 + dims) * dims
        else:
            distance = _grid_distance(numbers, at, point, dims)
            points = 1
            for axis in range(dims):
                points *= int(numbers[at + dims + 1 + axis])
            at += 2 * dims + 1 + points
        nearest = min(nearest, distance)
    return nearest


@no_type_check
def _grid_distance(
    numbers: NDArray[np.float32], at: int, point: tuple[float, float, float], dims: int
) -> float:
    """Multilinear interpolation in a grid; beyond it, no more than the true distance."""
    spacing, shape_at = numbers[at + dims], at + dims + 1
    values = shape_at + dims
    cell, share = np.zeros(3, np.int64), np.zeros(3, np.float32)
    beyond = ZERO
    for axis in range(dims):
        last = int(numbers[shape_at + axis]) - 1
        position = (point[axis] - numbers[at + axis]) / spacing
        held = min(max(position, ZERO), np.float32(last))
        off = (position - held) * spacing
        beyond += off * off
        if held >= ZERO:  # not a NaN, which is no index
            cell[axis] = min(int(held), max(last - 1, 0))
        share[axis] = held - np.float32(cell[axis])
    total = ZERO
    for corner in range(1 << dims):
        weight, index = np.float32(1.0), 0
        for axis in range(dims):
            points = int(numbers[shape_at + axis])
            upper = (corner >> axis) & 1
            weight *= share[axis] if upper else np.float32(1.0) - share[axis]
            index = index * points + min(cell[axis] + upper, points - 1)
        total += weight * numbers[values + index]
    if beyond > 0:
        return np.sqrt(max(total, ZERO) ** 2 + beyond)
    return total


_options = {"error_model": "numpy"}
_grid_distance = numba.njit(_grid_distance, **_options)
_clearance = numba.njit(_clearance, **_options)
add_action_terms = numba.njit(_add_action_terms, **_options)
add_state_terms = numba.njit(_add_state_terms, **_options)
finish = numba.njit(_finish, **_options)
