"""A study's finished runs: which cells its tables and figures want, and what is in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import HyperdynError
from hyperdyn.planners.budget import ALL_PLANNERS, RANDOM
from hyperdyn.training.cells import read_cell
from hyperdyn.training.locomotion.layout import GENERATOR, TABLES, Layout, splits_of
from hyperdyn.training.locomotion.measurements import (
    Adapting,
    Changing,
    Codes,
    Drive,
    Errors,
    Fixed,
    Measurement,
    OnRecorded,
    Promised,
    Returns,
)
from hyperdyn.training.locomotion.runs import Run, finished_runs, read_config
from hyperdyn.training.locomotion.summaries import Strata
from hyperdyn.training.presets import ROADS

ON_RECORDED: dict[str, tuple[type[Drive], type[OnRecorded]]] = {
    "6": (Fixed, Errors),
    "promises": (Fixed, Promised),
    "codes": (Fixed, Codes),
    "adaptation": (Changing, Adapting),
}
"""Tables of what is measured on recorded episodes: which, and what."""
BUDGET = ("iterations", "rollouts", "steps", "epochs", "updates", "final_updates")
"""What tells how much a run was trained."""


@dataclass(frozen=True, kw_only=True)
class LocomotionStudy:
    """Trained runs and how they are measured.

    Attributes:
        folder: Of the runs, `TASK-MODEL-SEED` each.
        kept: Folder of cells.
        tasks: Those to measure.
        seeds: Training seeds to measure; all that there are if empty.
        episodes: For each training seed and split.
        samples: Candidates a step; the paper's 500.
        horizon: Steps planned ahead; the paper's 20.
        seed: The runs of training seed s meet the systems of seed + s, the same for every model.
        device: Where plans are made, cpu or cuda.
        driver: Of what is measured on recorded episodes: the model whose first run drives them.
        planned: Of the table planners: the model that is planned with.
        planners: Of the table planners: which are set against random shooting.
    """

    folder: Path
    kept: Path
    tasks: tuple[str, ...] = tuple(ROADS)
    seeds: tuple[int, ...] = ()
    episodes: int = 17
    samples: int = 500
    horizon: int = 20
    seed: int = 0
    device: str = "cpu"
    driver: str = GENERATOR
    planned: str = GENERATOR
    planners: tuple[str, ...] = ALL_PLANNERS

    @cached_property
    def finished(self) -> tuple[Run, ...]:
        """The runs that can be measured.

        Raises:
            HyperdynError: If there is none.
        """
        found = tuple(
            run
            for run in finished_runs(self.folder)
            if run.task in self.tasks and (not self.seeds or run.seed in self.seeds)
        )
        if not found:
            of = f" with seed {' or '.join(map(str, self.seeds))}" if self.seeds else ""
            raise HyperdynError(
                f"{self.folder} holds no finished run of {', '.join(self.tasks)}{of}; train one "
                "with hyperdyn train locomotion --study."
            )
        return found

    def runs(self, task: str, model: str) -> list[Run]:
        """One a training seed, perhaps none."""
        return [run for run in self.finished if (run.task, run.model) == (task, model)]

    def missing(self, tables: Sequence[str]) -> dict[str, dict[str, list[int]]]:
        """Seeds that others have and a model of the tables has not, by task and model.

        A task without any run of a table is empty.
        """
        seeds = sorted({run.seed for run in self.finished})
        found: dict[str, dict[str, list[int]]] = {}
        for table in tables:
            for task in self.tasks_of(table):
                if task not in self.trained(table):
                    found.setdefault(task, {})
                    continue
                for model in self.layout_of(table).models:
                    lacking = set(seeds) - {run.seed for run in self.runs(task, model)}
                    if lacking:
                        found.setdefault(task, {})[model] = sorted(lacking)
        return found

    def training(self) -> list[dict[str, int | None]]:
        """The budgets of the runs, each once."""
        configs = [read_config(self.folder / run.name) for run in self.finished]
        found = [{name: config.get(name) for name in BUDGET} for config in configs]
        return [budget for number, budget in enumerate(found) if budget not in found[:number]]

    def cells(self, tables: Sequence[str]) -> tuple[list[Measurement], list[Measurement]]:
        """All that the tables are made of: what comes first, and what is measured on it."""
        first: list[Measurement] = []
        second: list[Measurement] = []
        for table in tables:
            for task in self.tasks_of(table):
                models = self.layout_of(table).measured
                runs = [run for model in models for run in self.runs(task, model)]
                if table in ON_RECORDED:
                    drive, measure = ON_RECORDED[table]
                    for split in splits_of(task)[: 1 if drive is Changing else None]:
                        first += self._driven(drive, task, split)
                        second += self._measured(measure, runs, split)
                    continue
                for run in runs:
                    for planner in self.compared_planners if table == "planners" else (RANDOM,):
                        first += [self._returns(run, split, planner) for split in splits_of(task)]
        return list(dict.fromkeys(first)), list(dict.fromkeys(second))

    def strata(self, runs: Iterable[Run], sides: Iterable[str], planner: str = RANDOM) -> Strata:
        """Returns by training seed and split."""
        return {
            (run.seed, side): read_cell(self._returns(run, side, planner), self.kept)["returns"]
            for run in runs
            for side in sides
        }

    def properties(self, task: str, model: str) -> dict[str, tuple[list[float], list[float]]]:
        """By split: the first true property met, a mean over each episode, and the returns."""
        found: dict[str, tuple[list[float], list[float]]] = {}
        for run in self.runs(task, model):
            for split in splits_of(task):
                cell = read_cell(self._returns(run, split, RANDOM), self.kept)
                properties, returns = found.setdefault(split, ([], []))
                properties += [values[0] for values in cell["properties"]]
                returns += cell["returns"]
        return found

    def on_recorded(
        self, measure: type[OnRecorded], runs: Iterable[Run], sides: Iterable[str]
    ) -> dict[tuple[int, str], dict[str, Any]]:
        """What was measured on recorded episodes, by training seed and split."""
        return {
            (cell.run.seed, side): read_cell(cell, self.kept)
            for side in sides
            for cell in self._measured(measure, runs, side)
        }

    def codes(self, run: Run, split: str) -> dict[str, Any]:
        """Codes along the recorded episodes, as `codes_over_episodes`."""
        return self.on_recorded(Codes, [run], [split])[run.seed, split]

    def adaptation_errors(self, task: str, model: str) -> list[Float[Tensor, "_ T"]]:
        """Errors around a change, of each training seed; none where no episode can be scored."""
        cells = self.on_recorded(Adapting, self.runs(task, model), splits_of(task)[:1])
        return [torch.tensor(cell["errors"]) for cell in cells.values() if cell["errors"]]

    def errors_around_changes(self) -> dict[str, dict[str, list[Float[Tensor, "_ T"]]]]:
        """`adaptation_errors` by task and model, where there are any."""
        return {
            task: {
                model: errors
                for model in TABLES["adaptation"].measured
                if (errors := self.adaptation_errors(task, model))
            }
            for task in self.trained("adaptation")
        }

    def undriven(self, table: str, task: str) -> str | None:
        """Why no episode of a task could be recorded for a table; None where some were."""
        if table not in ON_RECORDED:
            return None
        cells = self._driven(ON_RECORDED[table][0], task, splits_of(task)[0])
        return next((why for cell in cells if (why := read_cell(cell, self.kept).get("why"))), None)

    def trained(self, table: str) -> list[str]:
        """Tasks of a table on which any of its models was trained."""
        return [
            task
            for task in self.tasks_of(table)
            if any(self.runs(task, model) for model in self.layout_of(table).measured)
        ]

    def drivers(self, task: str) -> list[Run]:
        """The first run of the model that drives, if it was trained."""
        return self.runs(task, self.driver)[:1]

    def tasks_of(self, table: str) -> list[str]:
        """Tasks that a table and the study have."""
        return [task for task in TABLES[table].tasks if task in self.tasks]

    def layout_of(self, table: str) -> Layout:
        """Which runs a table is made from."""
        layout = TABLES[table]
        return replace(layout, models=(self.planned,)) if table == "planners" else layout

    @property
    def compared_planners(self) -> tuple[str, ...]:
        """Random shooting, and what is set against it."""
        return tuple(dict.fromkeys((RANDOM, *self.planners)))

    def _returns(self, run: Run, split: str, planner: str) -> Returns:
        return Returns(run=run, split=split, planner=planner, **self._settings(run))

    def _driven(self, drive: type[Drive], task: str, split: str) -> list[Drive]:
        return [
            drive(run=run, split=split, data=str(self._data), **self._settings(run))
            for run in self.drivers(task)
        ]

    def _measured(
        self, measure: type[OnRecorded], runs: Iterable[Run], split: str
    ) -> list[OnRecorded]:
        return [
            measure(
                run=run, driver=driver, split=split, data=str(self._data), **self._settings(driver)
            )
            for run in runs
            for driver in self.drivers(run.task)
        ]

    @property
    def _data(self) -> Path:
        return self.kept / "data"

    def _settings(self, run: Run) -> dict[str, Any]:
        return {
            "study": str(self.folder),
            "samples": self.samples,
            "horizon": self.horizon,
            "episodes": self.episodes,
            "seed": self.seed + run.seed,
            "device": self.device,
        }
