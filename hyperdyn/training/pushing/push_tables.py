"""HyperDynamics' tables 1, 2 and 4 from trained models, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from hyperdyn.errors import HyperdynError
from hyperdyn.training.cells import read_cell
from hyperdyn.training.pushing.planning import PRESETS
from hyperdyn.training.pushing.push_cells import Errors, PushCell, Trials
from hyperdyn.training.pushing.push_configs import PUSHERS
from hyperdyn.training.statistics import interval, mean

SPLITS = ("seen", "novel")
TASKS = ("free", "obstacles")
MODELS = ("hyperdynamics", "direct", "film", "xyz", "maml", "expert_ensemble")
"""Of tables 1 and 2."""
ABLATIONS = tuple(name for name in PUSHERS if name not in MODELS)
GROUND_TRUTH = "true-boxes"
"""The ablation that is no other model: the generated one, given the objects' true boxes."""
PAPER_PLANNER = "paper"
USUAL_PLANNERS = ("icem", "icem-three")


@dataclass(frozen=True, kw_only=True)
class PushStudy:
    """Trained models and what they are tested on.

    Attributes:
        folder: Of the models, `NAME-SEED` each.
        data: Test collections by split.
        crops: Their crops by split, at detected boxes; at true ones under `true-SPLIT`; whole
            tables under `whole-SPLIT`.
        kept: Folder of cells.
        trials: A cell of table 2.
        seed: Of the trials.
        planners: Ways of planning with the generated model, beside the paper's.
    """

    folder: Path
    data: dict[str, Path]
    crops: dict[str, Path]
    kept: Path
    trials: int = 50
    seed: int = 0
    planners: tuple[str, ...] = ("icem",)

    def trained(self, name: str) -> list[Path]:
        """Folders of a model, one a training seed, in order; perhaps none."""
        folders = sorted(self.folder.glob(f"{name}-[0-9]*"))
        return [folder for folder in folders if (folder / "config.json").is_file()]

    @property
    def usual_planners(self) -> tuple[str, ...]:
        """Without and, where enough seeds were trained, with several models at once."""
        seeds = len(self.trained("hyperdynamics"))
        return tuple(way for way in USUAL_PLANNERS if PRESETS[way]["free"].models <= max(seeds, 1))

    @property
    def ablations(self) -> tuple[str, ...]:
        """Those of table 4 that were trained."""
        return tuple(name for name in ABLATIONS if self.trained(name))

    def seeds(self, name: str) -> list[Path]:
        """Folders of a model, one a training seed, in order.

        Raises:
            HyperdynError: If there is none.
        """
        found = self.trained(name)
        if not found:
            raise HyperdynError(f"{self.folder} holds no model {name}-0; train it first.")
        return found

    def errors(self, name: str, split: str) -> list[Errors]:
        """Cells of a row of table 1 or 4, one a seed."""
        model, crops = name, self.crops[split]
        if name == GROUND_TRUTH:
            model, crops = "hyperdynamics", self.crops[f"true-{split}"]
        elif name in PUSHERS and not PUSHERS[name].model.cropping:
            crops = self.crops[f"whole-{split}"]
        return [
            Errors(model=str(folder), split=split, data=str(self.data[split]), crops=str(crops))
            for folder in self.seeds(model)
        ]

    def trial(self, name: str, split: str, task: str, preset: str) -> Trials:
        """A cell of table 2, with the model of the first seed, or of the first ones.

        Raises:
            HyperdynError: If there are fewer than are planned with.
        """
        wanted, found = PRESETS[preset][task].models, self.seeds(name)
        if len(found) < wanted:
            raise HyperdynError(
                f"{preset!r} plans with {wanted} models {name}, from as many seeds; {self.folder} "
                f"holds {len(found)}. Train more seeds, or leave {preset!r} out."
            )
        first, *others = (str(folder) for folder in found[:wanted])
        return Trials(
            model=first,
            others=tuple(others),
            split=split,
            task=task,
            preset=preset,
            trials=self.trials,
            seed=self.seed,
        )

    def cells(self, tables: Sequence[int]) -> list[PushCell]:
        """All that the tables are made of."""
        cells: list[PushCell] = []
        if 1 in tables:
            cells += [
                cell for name in MODELS for split in SPLITS for cell in self.errors(name, split)
            ]
            cells += self._exact()
        if 4 in tables:
            names = (*self.ablations, GROUND_TRUTH, "hyperdynamics")
            cells += [
                cell for name in names for split in SPLITS for cell in self.errors(name, split)
            ]
        if 2 in tables:
            for split in SPLITS:
                for task in TASKS:
                    cells += [self.trial(name, split, task, PAPER_PLANNER) for name in MODELS]
                    cells += [
                        self.trial("hyperdynamics", split, task, way) for way in self.planners
                    ]
        return list(dict.fromkeys(cells))

    def tables(self, tables: Sequence[int]) -> dict[str, Any]:
        """The tables, from cells that were worked out.

        Raises:
            HyperdynError: If one was not.
        """
        found: dict[str, Any] = {}
        if 1 in tables:
            found["table1"] = {
                name: {split: self._error(self.errors(name, split)) for split in SPLITS}
                for name in MODELS
            }
            first = self.errors("hyperdynamics", "novel")[:1]
            found["regeneration"] = {
                "exact": self._error(self._exact()),
                "ring": self._error(first),
            }
        if 2 in tables:
            found["table2"] = {
                name: {split: self._successes(name, split, PAPER_PLANNER) for split in SPLITS}
                for name in MODELS
            }
            found["planners"] = {
                way: {split: self._successes("hyperdynamics", split, way) for split in SPLITS}
                for way in (PAPER_PLANNER, *self.planners)
            }
        if 4 in tables:
            found["table4"] = {
                name: {split: self._error(self.errors(name, split)) for split in SPLITS}
                for name in ("hyperdynamics", GROUND_TRUTH, *self.ablations)
            }
        return found

    def _exact(self) -> list[Errors]:
        return [replace(cell, exact=True) for cell in self.errors("hyperdynamics", "novel")[:1]]

    def _error(self, cells: Sequence[Errors]) -> dict[str, Any]:
        found = [read_cell(cell, self.kept) for cell in cells]
        row: dict[str, Any] = {"ci95": {}, "std": {}, "by_seed": {}}
        for name in ("t1", "t5"):
            strata = [cell[name] for cell in found]
            values = np.concatenate(strata)
            row[name] = float(values.mean())
            row["std"][name] = float(values.std(ddof=1))
            row["ci95"][name] = interval(strata, statistic=mean)
            row["by_seed"][name] = [float(np.mean(stratum)) for stratum in strata]
        return {**row, "episodes": len(found[0]["t1"]), "seeds": len(found)}

    def _successes(self, name: str, split: str, preset: str) -> dict[str, Any]:
        row: dict[str, Any] = {"ci95": {}, "collided": {}, "left_table": {}, "lost": {}}
        row["within_30_pushes"] = {}
        row["plan_milliseconds"] = {}
        for task in TASKS:
            trials = read_cell(self.trial(name, split, task, preset), self.kept)["trials"]
            wins = sum(trial["success"] for trial in trials)
            row[task] = wins / len(trials)
            found = stats.binomtest(wins, len(trials)).proportion_ci(method="wilson")
            row["ci95"][task] = (float(found.low), float(found.high))
            for what in ("collided", "left_table", "lost"):
                row[what][task] = sum(trial[what] for trial in trials) / len(trials)
            soon = sum(trial["success"] and trial["pushes"] <= 30 for trial in trials)
            row["within_30_pushes"][task] = soon / len(trials)
            seconds = float(np.median([trial["seconds"] for trial in trials]))
            row["plan_milliseconds"][task] = 1000 * seconds
        return row
