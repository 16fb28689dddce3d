"""`hyperdyn tables policies`: generated policies on specifications they were not trained on."""

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
    from hyperdyn.training.policies.tables import PolicyStudy

KNOWN_TABLES = ("1", "4")


@dataclass(frozen=True, kw_only=True)
class TablesPolicies(Command):
    """Make the tables of generated policies; Ctrl-C at any time, the same command goes on.

    Tables 1 (return on test specifications, and its share of the expert's) and 4 (error of actions
    after each of HyPoGen's updates) of HyPoGen, with what is trained. Cells are kept in FILE.cells
    as they are done.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    json: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """Where to write the tables; a page of the same name, .md, is written beside it."""
    runs: Annotated[Path, tyro.conf.arg(metavar="STUDY")]
    """Folder that holds run folders of `hyperdyn train policy`."""
    demonstrations: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FOLDER")]
    """What they were trained on."""
    tables: Annotated[tuple[str, ...], tyro.conf.arg(metavar="N")] = KNOWN_TABLES
    """Which tables."""
    episodes: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """Episodes of each test specification."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes."""
    seed: int = 0
    """Of how episodes begin."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        for option in ("episodes", "workers"):
            require_positive(f"--{option}", getattr(self, option))
        if not self.tables or self.seed < 0:
            raise InputError(
                f"--tables takes some of {', '.join(KNOWN_TABLES)}, and --seed is not negative; "
                f"got {self.tables} and {self.seed}."
            )
        for name in self.tables:
            require_known("table", name, KNOWN_TABLES)
        study = self._study()
        make_room_for(self.json)
        cells = study.cells(self.tables)

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.training.cells import work_out
            from hyperdyn.training.policies.page import write

            with tqdm(total=len(cells), desc="cells", unit="cell") as bar:
                for _ in work_out(cells, study.kept, workers=self.workers):
                    bar.update()
            found = {**study.tables(self.tables), "setting": self._setting(study)}
            write(found, self.json)
            _console(self.json)

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        return "Stopped; finished cells are kept. The same command goes on."

    def _study(self) -> "PolicyStudy":
        from hyperdyn.training.policies.tables import PolicyStudy, read_runs

        return PolicyStudy(
            read_runs(self.runs),
            self.demonstrations,
            self.json.with_suffix(".cells"),
            episodes=self.episodes,
            seed=self.seed,
        )

    def _setting(self, study: "PolicyStudy") -> dict[str, Any]:
        return {
            "steps": {run.task: run.steps for run in study.runs},
            "samples_a_step": {run.task: run.samples for run in study.runs},
            "learning_rates": {
                f"{run.task}, {run.folder.name}": run.learning_rate for run in study.runs
            },
            "episodes_per_specification": self.episodes,
            "seed": self.seed,
            "command": shlex.join(["hyperdyn", *sys.argv[1:]]),
        }


def _console(file: Path) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    page = file.with_suffix(".md")
    Console().print(Markdown(page.read_text().split("## Setting")[0]))
    print(f"Wrote {file} and {page}")
