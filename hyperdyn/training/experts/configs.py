"""How experts of a family's tasks are trained, and which of their actors are kept."""

import abc
import math
from dataclasses import dataclass, replace
from typing import Any

from hyperdyn.envs.meta import FAMILIES
from hyperdyn.errors import InputError, require_known


@dataclass(frozen=True, kw_only=True)
class SACSettings:
    """Soft actor-critic (Haarnoja et al., 2018): twin critics, and a temperature that is learnt.

    Raises:
        InputError: If a number is out of range.
    """

    hidden: tuple[int, ...] = (256, 256)
    """Widths of actors and critics."""
    batch: int = 256
    """Transitions of each task in an optimiser step."""
    learning_rate: float = 3e-4
    """Of actors, critics and temperatures."""
    discount: float = 0.99
    """Of a step."""
    target_rate: float = 0.005
    """Share by which the target critics follow."""

    def __post_init__(self) -> None:
        """Check numbers."""
        if not self.hidden or min(*self.hidden, self.batch) < 1:
            raise InputError(f"Widths and batch must be at least 1; got {self}.")
        if not 0.0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate must be positive; got {self.learning_rate}.")
        if not (0.0 <= self.discount < 1.0 and 0.0 < self.target_rate <= 1.0):
            raise InputError(
                "discount must lie in [0, 1), target_rate in (0, 1]; got "
                f"{self.discount} and {self.target_rate}."
            )


@dataclass(frozen=True, kw_only=True)
class ActorTuning:
    """How actors that can act already learn on, beside critics that know nothing yet.

    GenHyper, section IV-B. Its actors are learnt at a low rate at first, until the critics have
    caught up, and their loss gets `td_weight * δ² / 2` (equation 6), where
    δ = r + Q'(s', a') - Q(s, a) of a transition that was experienced, with a' drawn anew: that is
    where the gradient comes from. The paper gives neither the weight nor the length of the rise.

    Raises:
        InputError: If a number is out of range.
    """

    first_temperature: float = 1.0
    """Temperature at first. An actor learnt by soft actor-critic has about the entropy that it is
    to have, and keeps the temperature where it begins: at 1 entropy is all that its actions are
    chosen by where rewards are small."""
    wait: int = 0
    """Optimiser steps before the first one of actors and temperatures, in which critics learn what
    the actors are worth; the paper has none."""
    first_rate: float = 3e-6
    """Learning rate of the actors at their first step."""
    rise: int = 50_000
    """Optimiser steps in which it rises, on a line, to the learner's own."""
    td_weight: float = 0.1
    """Of the temporal difference in the actors' loss; 0 leaves it out."""
    td_discounted: bool = True
    """Whether Q' is discounted in it, as in the critics' loss; the paper's formula has it bare."""

    def __post_init__(self) -> None:
        """Check numbers."""
        if not 0.0 < self.first_rate < math.inf or not 0.0 <= self.td_weight < math.inf:
            raise InputError(
                "first_rate must be positive and td_weight not negative; got "
                f"{self.first_rate} and {self.td_weight}."
            )
        if not 0.0 < self.first_temperature < math.inf:
            raise InputError(f"first_temperature must be positive; got {self.first_temperature}.")
        if self.rise < 1 or self.wait < 0:
            raise InputError(
                f"rise must be at least 1 step and wait not negative; got {self.rise} and "
                f"{self.wait}."
            )


@dataclass(frozen=True, kw_only=True)
class LockstepConfig(abc.ABC):
    """Tasks of a family that are learnt in lockstep, one optimiser step a step of each.

    A round begins with new episodes in all tasks, so that a run is gone on with from its numbers
    alone.

    Raises:
        UnknownNameError: If there is no such family.
        InputError: If a task is unknown, or a number out of range.
    """

    family: str
    """Such as "cheetah-vel"."""
    tasks: tuple[int, ...]
    """Indices of published tasks."""
    sac: SACSettings = SACSettings()
    """The learner's numbers."""
    steps: int = 750_000
    """Environment steps of each task, those before any learning included."""
    round_steps: int = 1000
    """Steps of a round."""
    learning_starts: int = 5000
    """Steps without learning, at the beginning."""
    buffer: int = 1_000_000
    """Transitions of each task that are remembered."""
    evaluate_every: int = 20
    """Rounds from one evaluation of all actors to the next."""
    evaluated: int = 5
    """Episodes of each task in an evaluation, without noise."""
    seed: int = 0
    """Of every random number."""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        require_known("family", self.family, FAMILIES)
        count = len(FAMILIES[self.family].values)
        if not self.tasks or len(set(self.tasks)) < len(self.tasks):
            raise InputError(f"Give at least one task, and none twice; got {self.tasks}.")
        if min(self.tasks) < 0 or max(self.tasks) >= count:
            raise InputError(f"Tasks of {self.family} are 0 to {count - 1}; got {self.tasks}.")
        for name in ("steps", "round_steps", "evaluate_every", "evaluated"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}.")
        for name, of in (("steps", "round_steps"), ("buffer", "round_steps")):
            if getattr(self, name) % getattr(self, of) or not getattr(self, name):
                raise InputError(
                    f"{name} must be a multiple of {of} ({getattr(self, of)}); got "
                    f"{getattr(self, name)}."
                )
        if not 1 <= self.learning_starts < self.steps:
            raise InputError(
                f"learning_starts must lie in [1, steps); got {self.learning_starts} of "
                f"{self.steps}."
            )

    @property
    def rounds(self) -> int:
        """How many there are."""
        return self.steps // self.round_steps

    @property
    @abc.abstractmethod
    def rows(self) -> tuple[tuple[int, int], ...]:
        """Task and seed of each row of the learner."""


@dataclass(frozen=True, kw_only=True)
class ExpertsConfig(LockstepConfig):
    """Experts of some tasks, a row each, from random actions on.

    Raises:
        UnknownNameError: If there is no such family.
        InputError: If a task is unknown, or a number out of range.
    """

    kept_from: int = 500_500
    """Steps after which the first actor is kept."""
    kept_every: int = 500
    """Steps from one actor kept to the next; the last one is kept at the end."""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        super().__post_init__()
        if self.kept_every < 1:
            raise InputError(f"kept_every must be at least 1; got {self.kept_every}.")
        if not self.learning_starts < self.kept_from <= self.steps or (
            (self.steps - self.kept_from) % self.kept_every
        ):
            raise InputError(
                "kept_from must lie in (learning_starts, steps], whole kept_every before the end; "
                f"got {self.kept_from}."
            )

    @property
    def rows(self) -> tuple[tuple[int, int], ...]:
        """Each task, with the seed of the run."""
        return tuple((task, self.seed) for task in self.tasks)

    @property
    def kept(self) -> int:
        """Actors of each task that are kept."""
        return (self.steps - self.kept_from) // self.kept_every + 1


KEPT_STEPS = 49_500  # of a reduced run: its last 100 actors
SMALL = SACSettings(hidden=(64, 64), batch=64)
PRESETS: dict[str, dict[str, Any]] = {
    "full": {},
    "reduced": {
        "training": 15,
        "sac": SMALL,
        "steps_by_family": {"cheetah-vel": 200_000, "ant-dir": 400_000},
    },
    "quick": {
        "training": 2,
        "test": 1,
        "sac": replace(SMALL, batch=32),
        "steps": 2000,
        "round_steps": 500,
        "learning_starts": 500,
        "buffer": 2000,
        "kept_from": 1500,
        "kept_every": 100,
        "evaluate_every": 2,
        "evaluated": 1,
    },
}
"""What presets change; "training" and "test" are how many tasks of each kind, all unless named."""


def experts_preset(
    name: str, family: str, seed: int = 0, *, steps: int | None = None
) -> ExpertsConfig:
    """The run of a preset.

    Test tasks get experts too, to be compared with; nothing else may learn from those.

    Args:
        name: A name in `PRESETS`.
        family: Such as "cheetah-vel".
        seed: Of every random number.
        steps: Of each task, in place of the preset's; as many of its last actors are kept.

    Raises:
        UnknownNameError: If there is no such preset or family.
        InputError: If the seed is negative, or the steps are too few or not whole rounds.
    """
    require_known("preset", name, PRESETS)
    require_known("family", family, FAMILIES)
    if seed < 0:
        raise InputError(f"The seed must not be negative; got {seed}.")
    of, changes = FAMILIES[family], dict(PRESETS[name])
    training = of.training(changes.pop("training", len(of.ids("train"))))
    test = of.test[: changes.pop("test", len(of.test))]
    usual = changes.pop("steps_by_family", {}).get(family)
    if usual is not None:
        changes |= {"steps": usual, "buffer": usual, "kept_from": usual - KEPT_STEPS}
    tasks = tuple(sorted(training + test))
    config = ExpertsConfig(family=family, tasks=tasks, seed=seed, **changes)
    if steps is None:
        return config
    kept_from = steps - (config.steps - config.kept_from)
    if kept_from <= config.learning_starts:
        least = config.steps - config.kept_from + config.learning_starts
        raise InputError(f"steps of preset {name} must be more than {least}; got {steps}.")
    return replace(config, steps=steps, buffer=min(config.buffer, steps), kept_from=kept_from)
