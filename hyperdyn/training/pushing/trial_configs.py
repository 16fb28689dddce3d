"""What is tried, and what came of it: configurations, systems and results of pushing trials."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hyperdyn.assets.objects import TRAINING_IDS, PushObject
from hyperdyn.envs.pushing.base import FRICTIONS, MASSES, POOLS
from hyperdyn.errors import InputError, require_known
from hyperdyn.pushing import Truth
from hyperdyn.training.pushing.planning import PRESETS, TASKS, PushPlanning
from hyperdyn.training.seeds import seed_for

SYSTEM, FEEL, SCENE, LOOK, PLAN = range(1, 6)
"""Uses of random numbers in a trial."""


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """Trials of one task on one split.

    An episode ends after 60 pushes, as registered. The paper names no limit; the farthest goal is
    40 cm away, and an object is pushed half as far where there is room for no more.
    """

    task: str
    """"free", or "obstacles"."""
    split: str
    """"seen" or "novel": whose objects."""
    preset: str
    """How pushes are planned: a name of `hyperdyn.training.pushing.planning.PRESETS`."""
    trials: int = 50
    """How many; the paper's 50."""
    seed: int = 0
    """Of every random number, together with a trial's number."""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        require_known("task", self.task, TASKS)
        require_known("split", self.split, POOLS)
        require_known("way of planning pushes", self.preset, PRESETS)
        if self.trials < 1 or self.seed < 0:
            raise InputError(
                "Trials must be at least 1 and the seed at least 0; got "
                f"{self.trials} and {self.seed}."
            )

    @property
    def planning(self) -> PushPlanning:
        """How pushes are planned."""
        return PRESETS[self.preset][self.task]

    def seed_of(self, number: int, use: int) -> int:
        """A seed for one use in one trial: the same for every model and way of planning."""
        task, split = list(TASKS).index(self.task), list(POOLS).index(self.split)
        return seed_for(self.seed, "evaluate", task, split, number, use) >> 32

    def rng(self, number: int, use: int) -> np.random.Generator:
        """A source of numbers for one use in one trial."""
        return np.random.default_rng(self.seed_of(number, use))


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What came of one trial."""

    number: int
    object: str
    """Its id."""
    success: bool
    """It ended a push within 4 cm of the goal, and touched and left nothing on the way."""
    collided: bool
    """It touched an obstacle."""
    left_table: bool
    lost: bool
    """The detector did not find it, or the picture or the pushes could not be used: a failure."""
    distance: float
    """From the goal, at the end, m."""
    pushes: int
    obstacles: int
    """Boxes found beside the object's."""
    seconds: float
    """A plan, on average; 0 without one."""
    slowest: float
    """The slowest plan, seconds."""
    reason: str = ""
    """Why it was lost."""

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        for ended, words in (
            (self.success, "home"),
            (self.lost, "lost"),
            (self.collided, "touched an obstacle"),
            (self.left_table, "left the table"),
        ):
            if ended:
                return words
        return "not there yet"


@dataclass(frozen=True, kw_only=True)
class System:
    """What is pushed."""

    shape: PushObject | str
    """An object, or an id."""
    mass: float
    friction: float

    @property
    def id(self) -> str:
        """The object's id."""
        return self.shape if isinstance(self.shape, str) else self.shape.id

    @property
    def options(self) -> dict[str, Any]:
        """Reset options of the environments."""
        return {"object": self.shape, "mass": self.mass, "friction": self.friction}

    @property
    def truth(self) -> Truth:
        """What an oracle is told."""
        known = TRAINING_IDS.index(self.id) if self.id in TRAINING_IDS else -1
        return Truth(
            torch.tensor([known]), torch.tensor([self.mass]), torch.tensor([self.friction])
        )


def draw_system(config: TrialConfig, number: int) -> System:
    """Object, mass and friction of a trial."""
    rng, pool = config.rng(number, SYSTEM), POOLS[config.split]
    return System(
        shape=pool[int(rng.integers(len(pool)))],
        mass=rng.uniform(*MASSES),
        friction=rng.uniform(*FRICTIONS),
    )
