"""`hyperdyn tables goalnet`: policies for goals, their stop detectors, and planning with them."""

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, make_room_for, require_positive
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.training.goals.tables import GoalStudy

KNOWN_TABLES = ("goals", "planning")


@dataclass(frozen=True, kw_only=True)
class TablesGoalnet(Command):
    """Make the tables of policies for goals; Ctrl-C at any time, the same command goes on.

    Goals: success of every preset, scene and way of writing weights that was trained, and the stop
    detector's accuracy. Planning: iCEM with few candidates on the pushing table, with GoalNet or
    GCBC (those trained on states) among the candidates and without. Cells are kept in FILE.cells as
    they are done.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    json: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """Where to write the tables; a page of the same name, .md, is written beside it."""
    runs: Annotated[Path | None, tyro.conf.arg(metavar="STUDY")] = None
    """A folder that `hyperdyn train goalnet` wrote; the packaged runs unless given."""
    tables: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = KNOWN_TABLES
    """Which tables."""
    split: Annotated[str, tyro.conf.arg(metavar="SPLIT")] = "novel"
    """Whose objects: seen or novel."""
    trials: Annotated[int, tyro.conf.arg(metavar="N")] = 50
    """Trials of each training seed; the same tables for every policy."""
    candidates: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = (8, 32)
    """Candidates a round that are planned with, in three rounds."""
    model: Annotated[str, tyro.conf.arg(metavar="MODEL")] = "push"
    """The pushing model that is planned with: packaged, or a folder."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes."""
    seed: int = 0
    """The policies of training seed s meet the tables of seed + s."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        for option in ("trials", "workers"):
            require_positive(f"--{option}", getattr(self, option))
        if not self.tables:
            raise InputError(f"--tables takes some of {', '.join(KNOWN_TABLES)}; got none.")
        for name in self.tables:
            require_known("table", name, KNOWN_TABLES)
        study = self._study()
        make_room_for(self.json)
        cells = study.cells(self.tables)

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.training.cells import work_out
            from hyperdyn.training.goals.page import page
            from hyperdyn.training.pages import show, write

            with tqdm(total=len(cells), desc="cells", unit="cell") as bar:
                for _ in work_out(cells, study.kept, workers=self.workers):
                    bar.update()
            found = {**study.tables(self.tables), "setting": self._setting(study)}
            write(found, page(found), self.json)
            show(self.json)

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        return "Stopped; finished cells are kept. The same command goes on."

    def _study(self) -> "GoalStudy":
        from hyperdyn import assets
        from hyperdyn.pushing import pusher_folder
        from hyperdyn.training.goals.tables import GoalStudy

        return GoalStudy(
            study=self.runs or assets.goalnet(),
            kept=self.json.with_suffix(".cells"),
            split=self.split,
            trials=self.trials,
            seed=self.seed,
            pusher=pusher_folder(self.model),
            samples=self.candidates,
        )

    def _setting(self, study: "GoalStudy") -> dict[str, Any]:
        return {
            "training": {run.name: common for run, common in study.settings().items()},
            "split": self.split,
            "trials_per_training_seed": self.trials,
            "seed": self.seed,
            "command": shlex.join(["hyperdyn", *sys.argv[1:]]),
        }
