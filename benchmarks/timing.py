"""Timing by turns: in every round each contestant runs once, with a yardstick on either side."""

import functools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import torch

Call = Callable[[], object]
"""What is timed."""

Result = TypeVar("Result")

BATCH = 1e-3  # seconds of short calls between two looks at the clock, which take half a microsecond


class Key(NamedTuple):
    """Whose, and what it is."""

    library: str
    """"hyperdyn", or a peer."""
    task: str
    """"rollout" or the name of a planner."""


@dataclass(frozen=True)
class Spread:
    """A median over rounds and its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise at least one value."""
        low, median, high = _quartiles(values)
        return cls(median, low, high)


class Taken(NamedTuple):
    """What a call took."""

    wall: float
    """Seconds."""
    busy: float
    """Seconds by the clock that comparisons are made with."""


@dataclass(eq=False)
class Rounds:
    """Rounds in which every contestant is timed next to the yardstick.

    Comparisons are made with this process's CPU time where one thread does everything: what other
    processes take away from a call is then not held against it. A contestant that raises is left
    out from then on, with its reason in `failed`.
    """

    calls: dict[Key, Call]
    """The contestants, in the order of their turns."""
    yardstick: Call
    """What speeds are fractions of."""
    slot: float = 0.02
    """Seconds a turn lasts, or one call if that takes longer."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Whose work is waited for."""
    threads: int = 1
    """Threads that contestants may use."""
    on_turn: Callable[[Key], object] = lambda key: None
    """Called before every turn."""
    seconds: dict[Key, list[float]] = field(default_factory=dict)
    """Seconds a call took, round by round."""
    busy: dict[Key, list[float]] = field(default_factory=dict)
    """The same by the clock of comparisons."""
    yardsticks: dict[Key, list[float]] = field(default_factory=dict)
    """What the yardstick took beside it, by that clock."""
    failed: dict[Key, str] = field(default_factory=dict)
    """Why a contestant was left out."""
    count: int = 0
    """Complete rounds."""

    def warm_up(self) -> None:
        """Call everything twice; what is compiled at the first call is compiled then."""
        for key, call in list(self.calls.items()):
            self.on_turn(key)
            self._try(key, functools.partial(_twice, call))
        for kept in self._kept():
            kept.update({key: [] for key in self.calls})

    def __call__(self) -> None:
        """Run one round."""
        before = self._turn(self.yardstick).busy
        row: dict[Key, tuple[Taken, float]] = {}
        for key, call in list(self.calls.items()):
            self.on_turn(key)
            taken = self._try(key, functools.partial(self._turn, call))
            after = self._turn(self.yardstick).busy
            if taken is not None:
                row[key] = (taken, (before + after) / 2)
            before = after
        # All at once, so that an interrupt leaves the same rounds for every contestant.
        for key, (taken, beside) in row.items():
            self.seconds[key].append(taken.wall)
            self.busy[key].append(taken.busy)
            self.yardsticks[key].append(beside)
        self.count += 1

    def _turn(self, call: Call) -> Taken:
        """Median of the calls that fit the slot; short ones are timed by the dozen."""
        alone = self.threads == 1 and self.device.type == "cpu"
        clock = time.process_time if alone else time.perf_counter
        wall: list[float] = []
        busy: list[float] = []
        self._wait()
        until = time.perf_counter() + self.slot
        count = 1
        while True:
            began, from_ = time.perf_counter(), clock()
            for _ in range(count):
                call()
            self._wait()
            to, ended = clock(), time.perf_counter()
            wall.append((ended - began) / count)
            busy.append((to - from_) / count)
            if ended >= until:
                return Taken(statistics.median(wall), max(statistics.median(busy), 1e-9))
            if self.device.type == "cpu":
                count = max(1, int(BATCH / wall[-1]))

    def _try(self, key: Key, run: Callable[[], Result]) -> Result | None:
        try:
            return run()
        except Exception as error:  # whatever a library raises is its reason for being left out
            self.failed[key] = reason(error)
            self.calls.pop(key)
            for kept in self._kept():
                kept.pop(key, None)
            return None

    def _kept(self) -> tuple[dict[Key, list[float]], ...]:
        return self.seconds, self.busy, self.yardsticks

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def _twice(call: Call) -> None:
    call()
    call()


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def reason(error: Exception) -> str:
    """An error in one line."""
    said = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {said[:200]}"
