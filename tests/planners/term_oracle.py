"""Returns and violations of a `TermTable` straight from the formulas of `hyperdyn.terms`, float64.

Slow and plain on purpose: what the kernels and the objectives' own torch form are held against.
"""

import itertools

import numpy as np

from hyperdyn.terms import ObstacleKind, TermKind, TermTable


def evaluate(
    table: TermTable, states: np.ndarray, actions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns and violations [E, N] of states [E, N, H+1, S] and actions [E, N, H, A]."""
    states, actions = states.astype(np.float64), actions.astype(np.float64)
    codes, numbers = list(map(int, table.codes)), table.numbers.astype(np.float64)
    sums = np.zeros((2, *states.shape[:2]))
    code, number = 1, 0
    for _ in range(codes[0]):
        kind, hard, width, count = codes[code : code + 4]
        columns = codes[code + 4 : code + 4 + width]
        scale, its = numbers[number], numbers[number + 1 : number + 1 + count]
        sums[hard] += scale * _sum(TermKind(kind), states, actions, columns, its, 1 if hard else 2)
        code, number = code + 4 + width, number + 1 + count
    assert code == len(codes)
    assert number == len(numbers)
    return sums[0], sums[1]


def _sum(kind, states, actions, columns, its, power):
    x = states[:, :, :, columns]
    total = np.zeros(states.shape[:2])
    if kind is TermKind.CHANGE:
        return x[:, :, -1, 0] - x[:, :, 0, 0]
    if kind is TermKind.CONTROL:
        for t in range(actions.shape[2]):
            total += (actions[:, :, t] ** 2).sum(-1)
        return total
    if kind is TermKind.SMOOTHNESS:
        for t in range(1, actions.shape[2]):
            total += ((actions[:, :, t] - actions[:, :, t - 1]) ** 2).sum(-1)
        return total
    first, second = its[: len(columns)], its[len(columns) :]
    for t in range(1, states.shape[2]):
        if kind is TermKind.DISTANCE:
            for i in range(len(columns)):
                total += second[i] * (x[:, :, t, i] - first[i]) ** 2
        elif kind is TermKind.OUTSIDE:
            for i in range(len(columns)):
                below, above = first[i] - x[:, :, t, i], x[:, :, t, i] - second[i]
                total += np.maximum(0, np.maximum(below, above)) ** power
        elif kind is TermKind.ORIENTATION:
            q = x[:, :, t]
            total += 4 * (1 - (q @ its) ** 2 / (q**2).sum(-1))
        else:
            assert kind is TermKind.CLEARANCE
            for where in np.ndindex(*total.shape):
                lack = max(0.0, its[0] - nearest(its[1:], x[(*where, t)]))
                total[where] += lack**power
    return total


def nearest(its: np.ndarray, point: np.ndarray) -> float:
    """Signed distance of a point to the nearest of the obstacles written out in `its`."""
    distances, at, D = [], 1, len(point)
    for _ in range(int(its[0])):
        kind, at = ObstacleKind(int(its[at])), at + 1
        if kind is ObstacleKind.SPHERE:
            distances.append(np.linalg.norm(point - its[at : at + D]) - its[at + D])
            at += D + 1
        elif kind is ObstacleKind.BOX:
            rotation = its[at + 2 * D : at + 2 * D + D * D].reshape(D, D)
            beyond = np.abs(rotation @ (point - its[at : at + D])) - its[at + D : at + 2 * D]
            outside = np.linalg.norm(np.maximum(beyond, 0))
            distances.append(outside if outside > 0 else beyond.max())
            at += 2 * D + D * D
        else:
            shape = its[at + D + 1 : at + 2 * D + 1].astype(int)
            values = its[at + 2 * D + 1 :][: shape.prod()].reshape(shape)
            distances.append(_in_grid(values, its[at : at + D], its[at + D], point))
            at += 2 * D + 1 + shape.prod()
    assert at == len(its)
    return min(distances)


def _in_grid(values, origin, spacing, point):
    held = np.clip(point, origin, origin + spacing * (np.array(values.shape) - 1))
    place = (held - origin) / spacing
    cell = np.minimum(np.floor(place).astype(int), np.array(values.shape) - 2)
    there = 0.0
    for corner in itertools.product((0, 1), repeat=len(point)):
        weight = np.prod(np.where(corner, place - cell, 1 - (place - cell)))
        there += weight * values[tuple(cell + corner)]
    beyond = np.linalg.norm(point - held)
    return float(np.hypot(max(there, 0), beyond) if beyond > 0 else there)
