"""`hyperdyn tables push`: the tables of object pushing, from trained models, with intervals."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, make_room_for, require_positive
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.training.pushing.push_tables import PushStudy

KNOWN_TABLES = (1, 2, 4)


@dataclass(frozen=True, kw_only=True)
class TablesPush(Command):
    """Make the paper's tables of object pushing; Ctrl-C at any time, the same command goes on.

    Tables 1 (prediction errors), 2 (success at pushing to goals) and 4 (ablations) of
    HyperDynamics. Cells are kept in FILE.cells as they are done. Test data are collected there too,
    unless they are given.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    json: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """Where to write the tables; a page of the same name, .md, is written beside it."""
    models: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """A folder that `hyperdyn train push` wrote; the packaged models unless given."""
    tables: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = KNOWN_TABLES
    """Which tables."""
    episodes: Annotated[int, tyro.conf.arg(metavar="N")] = 1000
    """Test trajectories of each split; the paper's 1,000."""
    seen: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Test collection of the training objects, instead."""
    novel: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Test collection of the novel objects, instead."""
    trials: Annotated[int, tyro.conf.arg(metavar="N")] = 50
    """Trials a cell of table 2."""
    planners: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = ()
    """Ways of planning with the generated model in table 2, beside the paper's: shooting, cem,
    icem, icem-three (three training seeds together) or mppi; unless named icem, and icem-three
    where there are three seeds."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes."""
    seed: int = 1
    """Of test data and trials; training uses 0."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        from hyperdyn.training.pushing.planning import PRESETS

        for option in ("episodes", "trials", "workers"):
            require_positive(f"--{option}", getattr(self, option))
        if not self.tables or not set(self.tables) <= set(KNOWN_TABLES):
            raise InputError(f"--tables takes some of {KNOWN_TABLES}; got {self.tables}.")
        for name in self.planners:
            require_known("way of planning pushes", name, PRESETS)
        make_room_for(self.json)
        study = self._study()
        cells = study.cells(self.tables)

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.training.cells import work_out
            from hyperdyn.training.pages import write
            from hyperdyn.training.pushing.push_page import console, page

            self._prepare_data(study)
            with tqdm(total=len(cells), desc="cells", unit="cell") as bar:
                for _ in work_out(cells, study.kept, workers=self.workers):
                    bar.update()
            found = {**study.tables(self.tables), "setting": self._setting(study)}
            write(found, page(found), self.json)
            console(found)

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        return "Stopped; finished cells are kept. The same command goes on."

    def _study(self) -> "PushStudy":
        from hyperdyn import assets
        from hyperdyn.training.pushing.push_tables import SPLITS, PushStudy

        kept = self.json.with_suffix(".cells")
        given = {"seen": self.seen, "novel": self.novel}
        data = {split: given[split] or kept / f"test-{split}" for split in SPLITS}
        crops = {split: kept / f"crops-{split}" for split in SPLITS}
        for split in SPLITS:
            crops |= {f"{how}-{split}": kept / f"crops-{how}-{split}" for how in ("true", "whole")}
        study = PushStudy(
            folder=self.models or assets.pusher("push").parent,
            data=data,
            crops=crops,
            kept=kept,
            trials=self.trials,
            seed=self.seed,
            planners=self.planners,
        )
        return study if self.planners else replace(study, planners=study.usual_planners)

    def _prepare_data(self, study: "PushStudy") -> None:
        """Collect what was not given, and cut the crops."""
        from tqdm import tqdm

        from hyperdyn.training.pushing import CollectConfig, PushingDataset, collect
        from hyperdyn.training.pushing.crops import Cut
        from hyperdyn.training.pushing.push_cells import prepare_crops

        if not {1, 4} & set(self.tables):
            return
        for split, folder in study.data.items():
            if getattr(self, split) is None:
                config = CollectConfig(
                    episodes=self.episodes, images=True, split=split, seed=self.seed
                )
                with tqdm(total=self.episodes, desc=f"test data, {split}", unit="ep") as bar:
                    collect(config, folder, workers=self.workers, on_episodes=bar.update)
            cuts = {study.crops[split]: Cut()}
            if 4 in self.tables:
                cuts[study.crops[f"true-{split}"]] = Cut(true_boxes=True)
                cuts[study.crops[f"whole-{split}"]] = Cut(cropping=False)
            prepare_crops(study.seeds("hyperdynamics")[0], PushingDataset(folder), cuts)

    def _setting(self, study: "PushStudy") -> dict[str, Any]:
        return {
            "models": str(self.models or "packaged"),
            "test_episodes": self.episodes,
            "trials": self.trials,
            "seed": self.seed,
            "units": "cm; shares of trials",
        }
