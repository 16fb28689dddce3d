"""`hyperdyn tables locomotion`: the tables and figures of the locomotion study."""

import os
import shlex
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.benchmark import require_matplotlib
from hyperdyn.cli.command import Command, Job, make_room_for, require_positive
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.training.locomotion.study import LocomotionStudy

KNOWN_TABLES = ("3", "5", "6", "ranges", "adaptation", "codes", "promises", "planners")


@dataclass(frozen=True, kw_only=True)
class TablesLocomotion(Command):
    """Make the tables of locomotion; Ctrl-C at any time, the same command goes on.

    Tables 3 (return), 5 (ablations) and 6 (prediction error) of HyperDynamics; and ranges (robots
    changed beyond training), adaptation (to a change within an episode), codes (is the property
    encoded?), promises (what plans say and what they bring) and planners (at equal candidates).
    What is trained is what appears, and what is missing is named. Cells are kept in FILE.cells as
    they are done, and FILE is written anew after each task of each table. All tables of all
    packaged runs take hours; --tables 3 --seeds 0 --episodes 3 takes minutes.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    json: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """Where to write the tables; a page of the same name, .md, is written beside it."""
    models: Annotated[Path | None, tyro.conf.arg(metavar="STUDY")] = None
    """A folder that `hyperdyn train locomotion` wrote; the packaged runs unless given."""
    tables: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = KNOWN_TABLES
    """Which tables."""
    tasks: Annotated[tuple[str, ...], tyro.conf.arg(metavar="TASK")] = ()
    """Which tasks; all that were trained unless named."""
    seeds: Annotated[tuple[int, ...], tyro.conf.arg(metavar="S")] = ()
    """Runs of which training seeds; all that were trained unless named."""
    episodes: Annotated[int, tyro.conf.arg(metavar="N")] = 17
    """Episodes of a training seed on a split; with three seeds 51 a cell."""
    samples: Annotated[int, tyro.conf.arg(metavar="N")] = 500
    """Candidate sequences a step, of all rounds of a planner together."""
    horizon: Annotated[int, tyro.conf.arg(metavar="H")] = 20
    """Steps planned ahead, and predicted open loop in table 6."""
    driver: Annotated[str, tyro.conf.arg(metavar="MODEL")] = "hyperdynamics"
    """Of the tables 6, promises, codes and adaptation: the model whose first run drives the
    episodes that all are measured on."""
    planners: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PLANNER")] = ()
    """Of the table planners: which are set against random-shooting; cem, icem, mppi and the same
    with -cold unless named."""
    planned: Annotated[str, tyro.conf.arg(metavar="MODEL")] = "hyperdynamics"
    """Of the table planners: the model of the study that is planned with."""
    figures: tyro.conf.FlagCreatePairsOff[bool] = False
    """Draw FILE-training.png, and for the tables asked for FILE-property.png (3, ranges),
    FILE-codes.png and FILE-adaptation.png; needs matplotlib."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes."""
    seed: int = 0
    """The models of training seed s meet the systems of seed + s."""
    device: str = "cpu"
    """Where plans are made: cpu or cuda, which every process then shares."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        from hyperdyn.training.distributed import require_device

        for option in ("episodes", "samples", "horizon", "workers"):
            require_positive(f"--{option}", getattr(self, option))
        if not self.tables:
            raise InputError(f"--tables takes some of {', '.join(KNOWN_TABLES)}; got none.")
        for name in self.tables:
            require_known("table", name, KNOWN_TABLES)
        if "codes" in self.tables and self.episodes < 2:
            raise InputError("The table codes needs at least two episodes; see --episodes.")
        if self.figures:
            require_matplotlib("--figures")
        require_device(self.device)
        study = self._study()
        make_room_for(self.json)
        count = sum(len(stage) for table in set(self.tables) for stage in study.cells([table]))

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.training.locomotion.page import console, page
            from hyperdyn.training.locomotion.tables import locomotion_tables
            from hyperdyn.training.pages import write

            setting = self._setting(study)
            with tqdm(total=count, desc="cells", unit="cell") as bar:
                for tables in locomotion_tables(
                    study, self.tables, workers=self.workers, on_cell=bar.update
                ):
                    standing = {"undriven": tables.undriven, "waiting": tables.waiting}
                    found = {**tables.found, "setting": setting | standing}
                    write(found, page(found), self.json)
            console(found)
            if self.figures:
                self._draw(study)

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        return (
            f"Stopped; finished cells are kept, finished tables are in {self.json}. The same "
            "command goes on."
        )

    def _study(self) -> "LocomotionStudy":
        from hyperdyn import assets
        from hyperdyn.planners.budget import ALL_PLANNERS, RANDOM, planner_of
        from hyperdyn.training.locomotion.runs import MODELS
        from hyperdyn.training.locomotion.study import LocomotionStudy
        from hyperdyn.training.presets import ROADS

        for task in self.tasks:
            require_known("task", task, ROADS)
        for model in (self.planned, self.driver):
            require_known("model", model, MODELS)
        planners = self.planners or ALL_PLANNERS
        for planner in (RANDOM, *(planners if "planners" in self.tables else ())):
            planner_of(planner, self.samples, self.horizon)
        return LocomotionStudy(
            folder=self.models or assets.locomotion(),
            kept=self.json.with_suffix(".cells"),
            tasks=self.tasks or tuple(ROADS),
            seeds=self.seeds,
            episodes=self.episodes,
            samples=self.samples,
            horizon=self.horizon,
            seed=self.seed,
            device=self.device,
            driver=self.driver,
            planned=self.planned,
            planners=planners,
        )

    def _draw(self, study: "LocomotionStudy") -> None:
        from hyperdyn.training.locomotion.adaptation_figure import draw_adaptation
        from hyperdyn.training.locomotion.figures import draw_codes, draw_properties, draw_training

        returns = [name for name in ("3", "ranges") if name in self.tables]
        codes = [name for name in ("codes",) if name in self.tables]
        errors = study.errors_around_changes() if "adaptation" in self.tables else {}
        for name, draw in (
            ("training", partial(draw_training, study, self.tables)),
            ("property", partial(draw_properties, study, returns)),
            ("codes", partial(draw_codes, study, codes)),
            ("adaptation", partial(draw_adaptation, errors)),
        ):
            file = self.json.with_name(f"{self.json.stem}-{name}.png")
            if draw(file):
                print(f"Wrote {file}")

    def _setting(self, study: "LocomotionStudy") -> dict[str, Any]:
        return {
            "training": study.training(),
            "episodes_per_training_seed_and_split": self.episodes,
            "driver": self.driver,
            **({"planned": self.planned} if "planners" in self.tables else {}),
            "planner": f"random shooting, {self.samples} x {self.horizon}",
            "seed": self.seed,
            "device": self.device,
            "units": "return; errors as the page says",
            "missing": study.missing(self.tables),
            "command": shlex.join(["hyperdyn", *sys.argv[1:]]),
        }
