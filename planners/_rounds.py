"""Whole rounds in one call, for models whose rollout is compiled: what small plans spend on Python.

Importing this module loads numba. A round is what the planner base does, in the same order and with
the same functions: draw, roll out, let the best lead, learn. `kernel` is machine code that takes
(tasks, five numbers of the model and the objective, candidates, 0, returns, 0, E, N, H).
"""

from typing import no_type_check

import numba
import numpy as np
from numpy.typing import NDArray

from hyperdyn.planners._compiled import average, fit, lead
from hyperdyn.planners._philox import coloured, gaussian
from hyperdyn.planners._pointers import Untyped, call, floats


@no_type_check  # numba compiles these as they stand
def _score(
    kernel: int,
    model: tuple[int, ...],
    drawn: NDArray[np.float32],
    returns: NDArray[np.float32],
    leaders: tuple[int, ...],
    sizes: tuple[int, ...],
) -> int:
    """Roll candidates out and let them compete; 0 if the kernel did its work."""
    systems, samples, horizon, width = sizes
    tasks = np.zeros(1, np.int64)
    table, codes, numbers, parameters, states = model
    arguments = (tasks.ctypes.data, table, codes, numbers, parameters, states)
    outputs = (drawn.ctypes.data, 0, returns.ctypes.data, 0, systems, samples, horizon)
    failed = call(kernel, arguments + outputs)
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
    return failed + tasks[0] * 0  # the tasks must live until here


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
) -> int:
    """CEM: from mean and deviation to those after as many rounds as keys."""
    systems, samples, _, width = sizes
    drawn = np.empty((systems, samples, width), np.float32)
    returns = np.empty((systems, samples), np.float32)
    mean_at, std_at, least_std_at, low_at, high_at = gaussian_at
    mean, std = floats(out[0], (systems, width)), floats(out[1], (systems, width))
    mean[:], std[:] = floats(mean_at, (systems, width)), floats(std_at, (systems, width))
    failed = 0
    for key in keys:
        gaussian(key, out[0], out[1], low_at, high_at, drawn.ctypes.data, systems, samples, width)
        failed += score(kernel, model, drawn, returns, leaders, sizes)
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
            out[0],
            systems,
            samples,
            width,
            elites,
            0,
            moved,
        )
    return failed


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
) -> int:
    """ICEM: from mean, deviation and kept elites to those after as many rounds as keys.

    The last of these rounds is the plan's last.
    """
    systems, _, horizon, width = sizes
    mean_at, std_at, least_std_at, low_at, high_at = gaussian_at
    mean, std = floats(out[0], (systems, width)), floats(out[1], (systems, width))
    best = floats(out[2], (systems, kept, width))
    mean[:], std[:] = floats(mean_at, (systems, width)), floats(std_at, (systems, width))
    best[:] = floats(kept_at, (systems, kept, width))
    failed = 0
    for index in range(len(keys)):
        samples = populations[index]
        drawn = np.empty((systems, samples, width), np.float32)
        returns = np.empty((systems, samples), np.float32)
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
        these = (systems, samples, horizon, width)
        failed += score(kernel, model, drawn, returns, leaders, these)
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
            out[2],
            systems,
            samples,
            width,
            elites,
            kept,
            moved,
        )
    return failed


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
) -> int:
    """MPPI: from a mean to the one after as many rounds as keys."""
    systems, samples, _, width = sizes
    drawn = np.empty((systems, samples, width), np.float32)
    returns = np.empty((systems, samples), np.float32)
    mean_at, std_at, low_at, high_at = perturbed_at
    before, mean = np.empty((systems, width), np.float32), floats(out, (systems, width))
    mean[:] = floats(mean_at, (systems, width))
    failed = 0
    for key in keys:
        before[:] = mean
        gaussian(key, out, std_at, low_at, high_at, drawn.ctypes.data, systems, samples, width)
        failed += score(kernel, model, drawn, returns, leaders, sizes)
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
    return failed


def _compile(function: Untyped) -> Untyped:
    return numba.njit(function, cache=True, nogil=True, error_model="numpy")


score = _compile(_score)
elite_rounds = _compile(_elite_rounds)
remembering_rounds = _compile(_remembering_rounds)
average_rounds = _compile(_average_rounds)
