"""Which runs and splits every locomotion table is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from hyperdyn.generators import GENERATORS
from hyperdyn.model import CodedGenerator
from hyperdyn.training.locomotion.runs import MODELS, Run
from hyperdyn.training.presets import KINDS, PAPER_TASKS, ROADS, VARIANTS
from hyperdyn.training.tasks import task_for

GENERATOR = "hyperdynamics"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which runs a table is made from."""

    tasks: tuple[str, ...]
    models: tuple[str, ...]
    """Those that belong there; what of them was not trained is missing."""
    further: tuple[str, ...] = ()
    """Those that stand beside them where they were trained."""

    @property
    def measured(self) -> tuple[str, ...]:
        """Whatever can stand in the table."""
        return self.models + self.further


def _has_code(model: str) -> bool:
    config = Run(task=PAPER_TASKS[0], model=model, seed=0).config("reduced")
    return issubclass(GENERATORS[config.kind], CodedGenerator)


FURTHER = tuple(VARIANTS)
CODED = tuple(model for model in MODELS if model != GENERATOR and _has_code(model))
RANGES = tuple(task for task in ROADS if task not in PAPER_TASKS)
TABLES: dict[str, Layout] = {
    "3": Layout(tasks=PAPER_TASKS, models=KINDS),
    "5": Layout(tasks=PAPER_TASKS, models=(GENERATOR, *VARIANTS)),
    "6": Layout(tasks=PAPER_TASKS, models=KINDS, further=FURTHER),
    "ranges": Layout(tasks=RANGES, models=KINDS, further=FURTHER),
    "adaptation": Layout(tasks=tuple(ROADS), models=KINDS, further=FURTHER),
    "codes": Layout(tasks=PAPER_TASKS, models=(GENERATOR,), further=CODED),
    "promises": Layout(tasks=PAPER_TASKS, models=KINDS, further=FURTHER),
    "planners": Layout(tasks=PAPER_TASKS, models=(GENERATOR,)),
}
"""The paper's tables by number, and what goes beyond them. A study may plan with another model."""


def key_of(table: str) -> str:
    """Of a table in the JSON file."""
    return f"table{table}" if table.isdigit() else table


def columns(task: str) -> Mapping[str, tuple[str, ...]]:
    """The splits of a task's columns, by name; the first is the training range.

    A range with two sides is their pool, and each of them.
    """
    known = task_for(ROADS[task]).splits
    pools = {split: _sides(split) for split in known if set(_sides(split)) <= set(known)}
    return {split: pools.get(split, (split,)) for split in known}


def _sides(split: str) -> tuple[str, str]:
    return f"{split}-low", f"{split}-high"


def splits_of(task: str) -> list[str]:
    """Those that are measured."""
    return list(dict.fromkeys(side for sides in columns(task).values() for side in sides))
