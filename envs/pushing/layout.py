"""Where things begin: starts, goals and obstacles, drawn as HyperDynamics A.1 says."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hyperdyn.errors import InputError

LIMIT = 0.2
"""Starts and goals are at most this far from the table's centre, in x and in y, m.

So the object, and the rod beside it, stand on the table.
"""
GOAL_RADIUS = 0.04
FREE_DISTANCE = (0.05, 0.25)
COURSE_DISTANCE = (0.24, 0.40)
ROD_DISTANCE = (0.06, 0.10)

_JITTER = 0.02  # of the first obstacle about the middle of the way, in x and in y, m
_APART = (0.15, 0.25)  # between the two obstacles, m
_OBSTACLE_LIMIT = 0.25
_ROOM = 0.01  # between an object at its start or goal and an obstacle, m
_TRIES = 2000

Point = Float[np.ndarray, "2"]


@dataclass(frozen=True, kw_only=True)
class Course:
    """A start, a goal, and obstacles between and beside them; m."""

    start: Point
    goal: Point
    obstacles: tuple[Point, ...] = ()


def draw_start(rng: np.random.Generator) -> Point:
    """Uniform over the square where free pushing begins."""
    return rng.uniform(-LIMIT, LIMIT, 2)


def draw_rod(start: Point, rng: np.random.Generator) -> Point:
    """6 to 10 cm from an object's centre, in any direction."""
    return np.asarray(start + _polar(rng.uniform(*ROD_DISTANCE), rng))


def free_course(start: Point, goal: Point | None, rng: np.random.Generator) -> Course:
    """A goal uniform over the disc of 25 cm about the start, but not nearer than 5 cm.

    Args:
        start: Where the object is.
        goal: Taken instead of a drawn one.
        rng: The source of every draw.
    """
    for _ in range(_TRIES):
        drawn = start + rng.uniform(-FREE_DISTANCE[1], FREE_DISTANCE[1], 2)
        distance = math.dist(start, drawn)
        if FREE_DISTANCE[0] <= distance <= FREE_DISTANCE[1] and _inside(drawn, LIMIT):
            return Course(start=start, goal=drawn if goal is None else goal)
    raise InputError(f"No goal on the table is 5 to 25 cm from the start {start.tolist()}.")


def obstacle_course(
    radii: tuple[float, float, float], goal: Point | None, rng: np.random.Generator
) -> Course:
    """A start, a goal 24 to 40 cm from it, and two obstacles that leave both free.

    The first obstacle stands in the middle of the way, moved by up to 2 cm in x and in y; the
    second 15 to 25 cm from it. Draws that do not fit on the table, or where an obstacle would
    overlap the object at its start or its goal, are repeated.

    Args:
        radii: Of the object and of both obstacles, m.
        goal: Taken instead of a drawn one.
        rng: The source of every draw.

    Raises:
        InputError: If no such arrangement is found, as with a goal given near a corner.
    """
    own, first, second = radii
    for _ in range(_TRIES):
        start = rng.uniform(-LIMIT, LIMIT, 2)
        aim = start + _polar(rng.uniform(*COURSE_DISTANCE), rng) if goal is None else goal
        middle = (start + aim) / 2 + rng.uniform(-_JITTER, _JITTER, 2)
        beside = middle + _polar(rng.uniform(*_APART), rng)
        if (
            (goal is not None or _inside(aim, LIMIT))
            and COURSE_DISTANCE[0] <= math.dist(start, aim) <= COURSE_DISTANCE[1]
            and _inside(middle, _OBSTACLE_LIMIT)
            and _inside(beside, _OBSTACLE_LIMIT)
            and math.dist(middle, beside) > first + second + _ROOM
            and _clear(middle, (start, aim), own + first)
            and _clear(beside, (start, aim), own + second)
        ):
            return Course(start=start, goal=aim, obstacles=(middle, beside))
    raise InputError(
        f"Found no room for two obstacles of radii {first:.3f} and {second:.3f} m about an object "
        f"of {own:.3f} m{'' if goal is None else f' and the goal {goal.tolist()}'}. Give a goal "
        "nearer to the centre, smaller objects, or none of them."
    )


def _polar(distance: float, rng: np.random.Generator) -> Point:
    angle = rng.uniform(-math.pi, math.pi)
    return distance * np.array([math.cos(angle), math.sin(angle)])


def _inside(point: Point, limit: float) -> bool:
    return bool(np.abs(point).max() <= limit)


def _clear(obstacle: Point, points: tuple[Point, ...], radii: float) -> bool:
    return all(math.dist(obstacle, point) > radii + _ROOM for point in points)
