"""What planners do with a round of candidates, compiled for float32 on the CPU.

Importing this module loads numba. Plans lie flat: K = H·A. Each function is the torch code of its
caller in one pass, and takes addresses of tensors that lie in one piece.
"""

from typing import no_type_check

import numba
import numpy as np
from numpy.typing import NDArray

from hyperdyn.planners._pointers import floats, marks

ZERO, ONE = np.float32(0.0), np.float32(1.0)
LOG2E = np.float32(1.44269504088896341)
# ln 2 in two parts, and e^r for |r| ≤ ½ ln 2 as 1 + r + r² P(r) (Cephes); highest power first.
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
X5, X4, X3, X2, X1, X0 = (
    np.float32(number)
    for number in (
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    )
)
EXPONENT = np.int32(0x7F800000)
SMALLEST_EXPONENT = np.float32(-87.0)
STEPS = 30  # of the search for a temperature; a handful is usual
CLOSE = 1e-5  # in the logarithm of the temperature


@no_type_check  # numba compiles these as they stand
def _clip(actions_at: int, low_at: int, high_at: int, sound_at: int, rows: int, width: int) -> bool:
    """Clip actions [R, K] into the bounds [K]; what is not finite becomes zero before that.

    Marks the rows that were finite in sound [R], and tells whether all were.
    """
    actions, sound = floats(actions_at, (rows, width)), marks(sound_at, (rows,))
    low, high = floats(low_at, (width,)), floats(high_at, (width,))
    everything = True
    for r in range(len(actions)):
        row = actions[r]
        bits = row.view(np.int32)
        largest = np.int32(0)  # the exponent of infinity and NaN is all ones, the largest there is
        for k in range(len(bits)):
            largest = max(largest, np.int32(bits[k] & EXPONENT))
        sound[r] = largest != EXPONENT
        if largest == EXPONENT:
            everything = False
            for k in range(len(row)):
                if not np.isfinite(row[k]):
                    row[k] = ZERO
        for k in range(len(row)):
            row[k] = min(max(row[k], low[k]), high[k])
    return everything


@no_type_check
def _lead(
    actions_at: int,
    returns_at: int,
    violations_at: int,
    best_at: int,
    best_return_at: int,
    best_violation_at: int,
    unranked_at: int,
    systems: int,
    samples: int,
    width: int,
) -> None:
    """Let candidates [E, N, K] compete with the best so far [E, K], in place.

    Violations are [E, N], or at 0 where there are no hard constraints. The lesser violation leads,
    then the greater return; a return of minus infinity never does, and is counted.
    """
    actions, best = floats(actions_at, (systems, samples, width)), floats(best_at, (systems, width))
    returns = floats(returns_at, (systems, samples))
    violations = floats(violations_at, (systems, samples if violations_at != 0 else 0))
    best_return = floats(best_return_at, (systems,))
    best_violation = floats(best_violation_at, (systems,))
    unranked = floats(unranked_at, (systems,))
    for system in range(len(actions)):
        leader, top, least = -1, best_return[system], best_violation[system]
        for n in range(returns.shape[1]):
            value = returns[system, n]
            if value == -np.inf:
                unranked[system] += ONE
                continue
            excess = violations[system, n] if violations.shape[1] else ZERO
            if top == -np.inf or excess < least or (excess == least and value > top):
                leader, top, least = n, value, excess
        if leader >= 0:
            best[system] = actions[system, leader]
            best_return[system], best_violation[system] = top, least


@no_type_check
def _choose(returns: NDArray[np.float32], elites: int, chosen: NDArray[np.int64]) -> None:
    """Write the indices of the greatest returns [N], as many as elites, greatest first."""
    least = np.partition(returns, len(returns) - elites)[len(returns) - elites]
    count = 0
    for n in range(len(returns)):
        if returns[n] > least:
            chosen[count] = n
            count += 1
    for n in range(len(returns)):
        if count == elites:
            break
        if returns[n] == least:
            chosen[count] = n
            count += 1
    order = np.argsort(-returns[chosen], kind="mergesort")
    chosen[:] = chosen[order]


@no_type_check
def _fit(
    actions_at: int,
    returns_at: int,
    mean_at: int,
    std_at: int,
    least_std_at: int,
    low_at: int,
    high_at: int,
    new_mean_at: int,
    new_std_at: int,
    kept_at: int,
    systems: int,
    samples: int,
    width: int,
    elites: int,
    kept: int,
    moved: float,
) -> None:
    """Move mean and deviation [E, K] towards those of the elites, and keep the best [E, kept, K].

    Candidates whose return is not finite do not count; in place of one that would be kept stands
    the new mean.
    """
    actions = floats(actions_at, (systems, samples, width))
    returns = floats(returns_at, (systems, samples))
    mean, std = floats(mean_at, (systems, width)), floats(std_at, (systems, width))
    new_mean, new_std = floats(new_mean_at, (systems, width)), floats(new_std_at, (systems, width))
    least_std, step = floats(least_std_at, (systems, width)), np.float32(moved)
    low, high = floats(low_at, (width,)), floats(high_at, (width,))
    best = floats(kept_at, (systems, kept, width))
    chosen, total = np.empty(elites, np.int64), np.empty(width, np.float32)
    square = np.empty(width, np.float32)
    for system in range(systems):
        choose(returns[system], elites, chosen)
        count = 0
        total[:], square[:] = ZERO, ZERO
        while count < elites and returns[system, chosen[count]] > -np.inf:
            row = actions[system, chosen[count]]
            for k in range(width):
                total[k] += row[k]
            count += 1
        new_mean[system], new_std[system] = mean[system], std[system]
        share = ONE / np.float32(max(count, 1))
        for elite in range(count):
            row = actions[system, chosen[elite]]
            for k in range(width):
                off = row[k] - total[k] * share
                square[k] += off * off
        if count > 0:
            for k in range(width):
                at = mean[system, k] + step * (total[k] * share - mean[system, k])
                new_mean[system, k] = min(max(at, low[k]), high[k])  # rounding may pass a bound
        if count > 1:
            for k in range(width):
                spread = std[system, k] + step * (np.sqrt(square[k] * share) - std[system, k])
                new_std[system, k] = max(spread, least_std[system, k])
        for elite in range(kept):
            row = actions[system, chosen[elite]] if elite < count else new_mean[system]
            best[system, elite] = row


@no_type_check
def _exponentials(
    behind: NDArray[np.float32], rate: float, powers: NDArray[np.int32], out: NDArray[np.float32]
) -> None:
    """Write e^(-rate·behind) to out, for behind ≥ 0; zero for infinity."""
    for n in range(len(behind)):
        x = max(-behind[n] * np.float32(rate), SMALLEST_EXPONENT)
        power = np.floor(x * LOG2E + np.float32(0.5))
        r = (x - power * LN2_HIGH) - power * LN2_LOW
        p = ((((X5 * r + X4) * r + X3) * r + X2) * r + X1) * r + X0
        out[n] = p * r * r + r + ONE
        powers[n] = (np.int32(power) + np.int32(127)) << np.int32(23)
    scales = powers.view(np.float32)
    for n in range(len(behind)):
        # Below e^-87 the weight is no more than rounding; it must be zero for an infinite lag.
        out[n] = out[n] * scales[n] if behind[n] * np.float32(rate) < -SMALLEST_EXPONENT else ZERO


@no_type_check
def _weigh(
    returns_at: int,
    weights_at: int,
    systems: int,
    samples: int,
    temperature: float,
    share: float,
) -> None:
    """Write softmax weights [E, N] of the returns; zero where a return is minus infinity.

    A temperature of zero is searched for, by Newton's method within a bracket, so that the
    effective share of the finite candidates, (Σw)² / Σw² over their number, is `share`.
    """
    returns = floats(returns_at, (systems, samples))
    weights = floats(weights_at, (systems, samples))
    behind, powers = np.empty(samples, np.float32), np.empty(samples, np.int32)
    for system in range(len(returns)):
        out = weights[system]
        best, finite, span = np.float32(-np.inf), 0, ZERO
        for n in range(samples):
            best = max(best, returns[system, n])
        for n in range(samples):
            lag = best - returns[system, n]
            known = lag < np.inf
            finite += known
            span = max(span, lag if known else ZERO)
            behind[n] = lag if known else np.float32(np.inf)
        if finite == 0:
            out[:] = ZERO
            continue
        if temperature > 0.0:
            exponentials(behind, 1.0 / temperature, powers, out)
        else:
            span = max(span, np.float32(1e-29))
            wanted = np.log(max(share * finite, 1.0))
            low, high, at = -18.0, 6.0, -2.0
            for _ in range(STEPS):
                rate = np.exp(-at) / span
                exponentials(behind, rate, powers, out)
                first, second, first_lag, second_lag = 0.0, 0.0, 0.0, 0.0
                for n in range(samples):
                    if out[n] > ZERO:
                        lag = behind[n] * rate
                        first += out[n]
                        second += out[n] * out[n]
                        first_lag += out[n] * lag
                        second_lag += out[n] * out[n] * lag
                miss = 2.0 * np.log(first) - np.log(second) - wanted
                if miss < 0.0:
                    low = at
                else:
                    high = at
                slope = 2.0 * (first_lag / first - second_lag / second)
                before = at
                at = at - miss / slope if slope > 0.0 else low - 1.0
                if not low < at < high:
                    at = (low + high) / 2.0
                if abs(at - before) < CLOSE:
                    break
        total = 0.0
        for n in range(samples):
            total += out[n]
        scale = np.float32(1.0 / total)
        for n in range(samples):
            out[n] *= scale


@no_type_check
def _average(
    actions_at: int,
    returns_at: int,
    mean_at: int,
    new_mean_at: int,
    systems: int,
    samples: int,
    width: int,
    temperature: float,
    share: float,
) -> None:
    """Write the candidates' weighted mean [E, K]; the old mean where none could be ranked."""
    actions = floats(actions_at, (systems, samples, width))
    mean, new_mean = floats(mean_at, (systems, width)), floats(new_mean_at, (systems, width))
    weights = np.empty((systems, samples), np.float32)
    weigh(returns_at, weights.ctypes.data, systems, samples, temperature, share)
    for system in range(systems):
        known = False
        new_mean[system] = ZERO
        for n in range(samples):
            weight, row, total = weights[system, n], actions[system, n], new_mean[system]
            if weight > ZERO:
                known = True
                for k in range(width):
                    total[k] += weight * row[k]
        if not known:
            new_mean[system] = mean[system]


clip = numba.njit(_clip, cache=True, nogil=True, error_model="numpy")
lead = numba.njit(_lead, cache=True, nogil=True, error_model="numpy")
choose = numba.njit(_choose, cache=True, error_model="numpy")
fit = numba.njit(_fit, cache=True, nogil=True, error_model="numpy")
exponentials = numba.njit(_exponentials, cache=True, error_model="numpy")
weigh = numba.njit(_weigh, cache=True, nogil=True, error_model="numpy")
average = numba.njit(_average, cache=True, nogil=True, error_model="numpy")
