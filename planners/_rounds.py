"""Whole rounds in one call, for models whose rollout is compiled: what small plans spend on Python.

Importing this module loads numba. A round is what the planner base does, in the same order and with
the same functions: draw, roll out, let the best lead, learn. `kernel` is machine code that takes
(tasks, five numbers of the model and the objective, candidates, 0, returns, 0, E, N, H); the round
before these, one by one, has checked its status.
"""

from typing import no_type_check

import numba
import numpy as np
from numpy.typing import NDArray

from hyperdyn.planners._compiled import average, fit, lead
from hyperdyn.planners._philox import coloured, gaussian
from hyperdyn.planners._pointers import Untyped, call, floats


@no_type_check  # numba compiles these as they stand
def _copy(given_at: int, own_at: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Copy an array from one address to another, and return the one there."""
    own = floats(own_at, shape)
    own[:] = floats(given_at, shape)
    return own


@no_type_check
def _score(
    kernel: int,
    model: tuple[int, ...],
    drawn: NDArray[np.float32],
    returns: NDArray[np.float32],
    leaders: tuple[int, ...],
    sizes: tuple[int, ...],
) -> None:
    """Roll candidates out and let them compete."""
    systems, samples, horizon, width = sizes
    tasks = np.zeros(1, np.int64)
    table, codes, numbers, parameters, states = model
    arguments = (tasks.ctypes.data, table, codes, numbers, parameters, states)
    outputs = (drawn.ctypes.data, 0, returns.ctypes.data, 0, systems, samples, horizon)
    call(kernel, arguments + outputs)
    tasks[0] = 0  # numba frees an array after its last use, which must come after the call
    best, best_return, best_violation, unranked = leaders
    lead(
        drawn.ctypes.data,
        returns.ctypes.data,
        0,
        best,
        best_return,
        best_violation,
        unranked,
        systems,
        samples,
        width,
    )


@no_type_check
def _refit(
    drawn: NDArray[np.float32],
    returns: NDArray[np.float32],
    limits_at: tuple[int, ...],
    out: tuple[int, ...],
    best_at: int,
    elites: int,
    kept: int,
    moved: float,
) -> None:
    """Fit mean and deviation to the elites, in place; limits: least deviation and bounds."""
    systems, samples, width = drawn.shape
    least_std_at, low_at, high_at = limits_at
    fit(
        drawn.ctypes.data,
        returns.ctypes.data,
        out[0],
        out[1],
        least_std_at,
        low_at,
        high_at,
        out[0],
        out[1],
        best_at,
        systems,
        samples,
        width,
        elites,
        kept,
        moved,
    )


@no_type_check
def _elite_rounds(
    kernel: int,
    model: tuple[int, ...],
    leaders: tuple[int, ...],
    sizes: tuple[int, ...],
    keys: NDArray[np.int64],
    gaussian_at: tuple[int, ...],
    out: tuple[int, ...],
    elites: int,
    moved: float,
) -> None:
    """CEM: from mean and deviation to those after as many rounds as keys."""
    systems, samples, _, width = sizes
    drawn = np.empty((systems, samples, width), np.float32)
    returns = np.empty((systems, samples), np.float32)
    mean_at, std_at, least_std_at, low_at, high_at = gaussian_at
    limits_at = (least_std_at, low_at, high_at)
    copy(mean_at, out[0], (systems, width))
    copy(std_at, out[1], (systems, width))
    for key in keys:
        gaussian(key, out[0], out[1], low_at, high_at, drawn.ctypes.data, systems, samples, width)
        score(kernel, model, drawn, returns, leaders, sizes)
        refit(drawn, returns, limits_at, out, 0, elites, 0, moved)


@no_type_check
def _remembering_rounds(
    kernel: int,
    model: tuple[int, ...],
    leaders: tuple[int, ...],
    sizes: tuple[int, ...],
    keys: NDArray[np.int64],
    populations: NDArray[np.int64],
    waves_at: int,
    gaussian_at: tuple[int, ...],
    kept_at: int,
    kept: int,
    out: tuple[int, ...],
    elites: int,
    moved: float,
) -> None:
    """ICEM: from mean, deviation and kept elites to those after as many rounds as keys.

    The last of these rounds is the plan's last.
    """
    systems, _, horizon, width = sizes
    mean_at, std_at, least_std_at, low_at, high_at = gaussian_at
    limits_at = (least_std_at, low_at, high_at)
    mean = copy(mean_at, out[0], (systems, width))
    copy(std_at, out[1], (systems, width))
    best = copy(kept_at, out[2], (systems, kept, width))
    most = systems * populations.max()  # all rounds lie in the room of the largest
    room, returns_room = np.empty(most * width, np.float32), np.empty(most, np.float32)
    for index in range(len(keys)):
        samples = populations[index]
        drawn = room[: systems * samples * width].reshape((systems, samples, width))
        returns = returns_room[: systems * samples].reshape((systems, samples))
        coloured(
            keys[index],
            waves_at,
            out[0],
            out[1],
            low_at,
            high_at,
            drawn.ctypes.data,
            systems,
            samples,
            horizon,
            width // horizon,
        )
        again = min(kept, samples - 1)
        for system in range(systems):
            if index == len(keys) - 1:
                drawn[system, 0] = mean[system]
            drawn[system, 1 : 1 + again] = best[system, :again]
        score(kernel, model, drawn, returns, leaders, (systems, samples, horizon, width))
        refit(drawn, returns, limits_at, out, out[2], elites, kept, moved)


@no_type_check
def _average_rounds(
    kernel: int,
    model: tuple[int, ...],
    leaders: tuple[int, ...],
    sizes: tuple[int, ...],
    keys: NDArray[np.int64],
    perturbed_at: tuple[int, ...],
    out: int,
    temperature: float,
    share: float,
) -> None:
    """MPPI: from a mean to the one after as many rounds as keys."""
    systems, samples, _, width = sizes
    drawn = np.empty((systems, samples, width), np.float32)
    returns = np.empty((systems, samples), np.float32)
    mean_at, std_at, low_at, high_at = perturbed_at
    mean, before = copy(mean_at, out, (systems, width)), np.empty((systems, width), np.float32)
    for key in keys:
        before[:] = mean
        gaussian(key, out, std_at, low_at, high_at, drawn.ctypes.data, systems, samples, width)
        score(kernel, model, drawn, returns, leaders, sizes)
        average(
            drawn.ctypes.data,
            returns.ctypes.data,
            before.ctypes.data,
            out,
            systems,
            samples,
            width,
            temperature,
            share,
        )


def _compile(function: Untyped) -> Untyped:
    return numba.njit(function, cache=True, nogil=True, error_model="numpy")


copy = _compile(_copy)
score = _compile(_score)
refit = _compile(_refit)
elite_rounds = _compile(_elite_rounds)
remembering_rounds = _compile(_remembering_rounds)
average_rounds = _compile(_average_rounds)
