"""How actors are learnt on, and from what they begin."""

from dataclasses import dataclass
from typing import Any

from hyperdyn.envs.meta import FAMILIES
from hyperdyn.errors import InputError, require_known
from hyperdyn.training.experts.configs import SMALL, ActorTuning, LockstepConfig
from hyperdyn.training.seeds import seed_for


@dataclass(frozen=True, kw_only=True)
class TuningConfig(LockstepConfig):
    """Some tasks, each learnt several times at once: from generated actors, or from scratch.

    A generated actor acts from the first step on; from scratch the first actions are random, and
    all is plain soft actor-critic.

    Raises:
        UnknownNameError: If there is no such family.
        InputError: If a task is unknown, or a number out of range.
    """

    model: str = ""
    """Checksum of the generator that the actors are from; empty: from scratch."""
    tuning: ActorTuning | None = None
    """How generated actors are learnt on; None: from scratch."""
    repeats: int = 3
    """Rows of each task: other actors of the generator, and other random numbers."""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        super().__post_init__()
        if self.repeats < 1:
            raise InputError(f"repeats must be at least 1; got {self.repeats}.")
        if bool(self.model) != (self.tuning is not None):
            raise InputError("Generated actors need `tuning`; learning from scratch has none.")

    @property
    def rows(self) -> tuple[tuple[int, int], ...]:
        """All tasks with the first seed, then all with the next."""
        seeds = [seed_for(self.seed, "adaptation", repeat) for repeat in range(self.repeats)]
        return tuple((task, seed) for seed in seeds for task in self.tasks)


PRESETS: dict[str, dict[str, Any]] = {
    "full": {"steps": 200_000, "buffer": 200_000, "evaluate_every": 5},
    "reduced": {
        "sac": SMALL,
        "steps": 100_000,
        "buffer": 100_000,
        "learning_starts": 2000,
        "evaluate_every": 2,
    },
    "quick": {
        "sac": SMALL,
        "steps": 2000,
        "round_steps": 500,
        "learning_starts": 500,
        "buffer": 2000,
        "evaluate_every": 1,
        "evaluated": 1,
        "repeats": 1,
    },
}
"""What presets change; those of the experts have the same widths by the same names."""


def tuning_preset(
    name: str, family: str, *, model: str = "", tuning: ActorTuning | None = None, **given: Any
) -> TuningConfig:
    """The run of a preset.

    Args:
        name: A name in `PRESETS`.
        family: Such as "cheetah-vel".
        model: Checksum of the generator; empty: from scratch.
        tuning: How its actors are learnt on.
        given: What is to be otherwise than in the preset; the test tasks unless `tasks` are given.

    Raises:
        UnknownNameError: If there is no such preset or family.
        InputError: If a number is out of range.
    """
    require_known("preset", name, PRESETS)
    require_known("family", family, FAMILIES)
    changes = {"tasks": FAMILIES[family].test, **PRESETS[name], **given}
    return TuningConfig(family=family, model=model, tuning=tuning, **changes)
