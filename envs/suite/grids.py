"""The specifications of the suite's tasks: which are varied, over which grid of values.

HyPoGen, appendix B.1, tables 6 to 8. A specification has an id, its place in the grid: values
ascend, and of two the speed changes slowest. Splits (`splits.py`) are made of ids.
"""

import dataclasses
import itertools

import numpy as np
from jaxtyping import Float

from hyperdyn.envs.suite.splits import TRAIN_IDS
from hyperdyn.errors import InputError

SPEED, LENGTH = "speed", "length"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grid:
    """The specifications of a task."""

    task: str
    """Name of the task, such as "cheetah-speed"."""
    names: tuple[str, ...]
    """What is varied: "speed" (m/s, or rad/s of the finger's spinner), "length" (m), or both."""
    axes: tuple[tuple[float, ...], ...]
    """Values of each, ascending."""

    @property
    def env_id(self) -> str:
        """The environment of the task."""
        return f"hyperdyn/Suite{self.task.title().replace('-', '')}-v0"

    def __len__(self) -> int:
        """C, how many specifications there are."""
        return int(np.prod([len(axis) for axis in self.axes]))

    def values(self) -> Float[np.ndarray, "C D"]:
        """All specifications in the order of their ids."""
        return np.array(list(itertools.product(*self.axes)))

    @property
    def split_numbers(self) -> int:
        """How many splits there are; they are numbered from 0."""
        return len(TRAIN_IDS[self.task])

    def ids(self, split: str, number: int) -> tuple[int, ...]:
        """Ids of a split, ascending: "train" (a fifth of the grid) or "test" (all others).

        Raises:
            InputError: If there is no split of that name or number.
        """
        if split not in ("train", "test") or not 0 <= number < self.split_numbers:
            raise InputError(
                f'{self.task} has splits "train" and "test", numbered 0 to '
                f"{self.split_numbers - 1}; got {split!r}, number {number}."
            )
        train = TRAIN_IDS[self.task][number]
        if split == "train":
            return train
        return tuple(row for row in range(len(self)) if row not in train)


def _steps(first: float, last: float, step: float) -> tuple[float, ...]:
    """Multiples of a step from first to last, each rounded to the decimals it is written with."""
    low, high = round(first / step), round(last / step)
    return tuple(round(number * step, 6) for number in range(low, high + 1))


def _both_ways(last: float, step: float) -> tuple[float, ...]:
    """Backward and forward speeds; standing still is none."""
    return tuple(speed for speed in _steps(-last, last, step) if speed != 0.0)


def _grids(
    body: str,
    speeds: tuple[float, ...],
    lengths: tuple[float, ...],
    both: tuple[tuple[float, ...], tuple[float, ...]],
) -> tuple[Grid, ...]:
    return (
        Grid(task=f"{body}-speed", names=(SPEED,), axes=(speeds,)),
        Grid(task=f"{body}-length", names=(LENGTH,), axes=(lengths,)),
        Grid(task=f"{body}-speed-length", names=(SPEED, LENGTH), axes=both),
    )


GRIDS = {
    grid.task: grid
    for grid in (
        *_grids(
            "cheetah",
            _both_ways(10.0, 0.5),
            _steps(0.3, 0.7, 0.01),
            (_steps(1.0, 10.0, 1.0), _steps(0.3, 0.7, 0.05)),
        ),
        *_grids(
            "walker",
            _both_ways(5.0, 0.25),
            _steps(0.1, 0.5, 0.01),
            (_steps(1.0, 5.0, 0.5), _steps(0.1, 0.5, 0.05)),
        ),
        *_grids(
            "finger",
            _both_ways(15.0, 1.0),
            _steps(0.1, 0.4, 0.01),
            (_steps(1.0, 15.0, 1.0), _steps(0.1, 0.4, 0.05)),
        ),
    )
}
