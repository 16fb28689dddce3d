"""The tables of policies for goals, from the finished runs of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperdyn.errors import InputError
from hyperdyn.policies import load_goal_policy
from hyperdyn.training.cells import Cell, read_cell
from hyperdyn.training.goals.evaluation import from_json, policy_scores, successes, writings_of
from hyperdyn.training.goals.goal_cells import Planned, Pursuits
from hyperdyn.training.goals.planned import CANDIDATES, FewCandidates
from hyperdyn.training.goals.runs import GoalRun, finished_runs, read_settings
from hyperdyn.training.goals.trials import GoalTrial, trials_of

PLANNED = ("goalnet", "gcbc")
"""Policies that are tried as proposals, where they were trained on states."""


@dataclass(frozen=True, kw_only=True)
class GoalStudy:
    """Finished runs, and what they are tried on.

    Raises:
        InputError: If nothing is finished, runs of a scene were not made with equal demonstrations,
            steps and moments, or a number cannot be.
        UnknownNameError: If there is no such split.
    """

    study: Path
    """Folder of the runs."""
    kept: Path
    """Folder of cells."""
    split: str
    """Whose objects: "seen" or "novel"."""
    trials: int
    """Of every policy and way of writing weights."""
    seed: int
    """Of the tables; a training seed s has those of seed + s."""
    pusher: Path
    """Folder of the pushing model that is planned with."""
    samples: tuple[int, ...]
    """Candidates a round that are planned with."""

    def __post_init__(self) -> None:
        """Check what was trained, and the numbers."""
        trials_of(self.split, self.trials, self.seed)
        for samples in self.samples:
            FewCandidates(samples=samples, candidates=CANDIDATES[0])
        if not self.runs:
            raise InputError(
                f"{self.study} holds no finished run; make some with `hyperdyn train goalnet` and "
                "name their folder with --runs."
            )
        settings = self.settings()
        for scene in self.scenes:
            found = {str(value) for name, value in settings.items() if name.scene == scene}
            if len(found) > 1:
                raise InputError(
                    f"The runs on {scene} in {self.study} differ: {'; '.join(sorted(found))}. "
                    "Policies are compared at equal settings; keep others in another folder."
                )

    @property
    def runs(self) -> list[GoalRun]:
        """Those that are finished."""
        return finished_runs(self.study)

    @property
    def scenes(self) -> tuple[str, ...]:
        """In order."""
        return tuple(dict.fromkeys(run.scene for run in self.runs))

    def settings(self) -> dict[GoalRun, dict[str, Any]]:
        """What the runs of a scene must have in common."""
        return {run: read_settings(self.study / run.name) for run in self.runs}

    def cells(self, tables: Sequence[str]) -> list[Cell]:
        """What the tables are made from."""
        found: list[Cell] = []
        if "goals" in tables:
            found += [cell for run in self.runs for cell in self._pursuits(run).values()]
        if "planning" in tables:
            found += [cell for row in self._planned() for cell in row[1]]
        return found

    def tables(self, tables: Sequence[str]) -> dict[str, Any]:
        """The tables, from cells that were worked out.

        Raises:
            HyperdynError: If one was not.
        """
        made = {"goals": self._goals, "planning": self._planning}
        return {name: made[name]() for name in tables}

    def _goals(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for (scene, preset), runs in self._by_preset().items():
            cells = [self._pursuits(run) for run in runs]
            found.setdefault(scene, {})[preset] = {
                writing: {
                    **policy_scores([self._read(part[writing]) for part in cells]),
                    "seeds": [run.seed for run in runs],
                }
                for writing in cells[0]
            }
        return found

    def _planning(self) -> list[dict[str, Any]]:
        rounds = trials_of(self.split, self.trials, self.seed).planning.planner.iterations
        return [
            {"rounds": rounds, **about, **successes([self._read(cell) for cell in cells])}
            for about, cells in self._planned()
        ]

    def _read(self, cell: Cell) -> list[GoalTrial]:
        return from_json(read_cell(cell, self.kept)["trials"])

    def _by_preset(self) -> dict[tuple[str, str], list[GoalRun]]:
        found: dict[tuple[str, str], list[GoalRun]] = {}
        for run in self.runs:
            found.setdefault((run.scene, run.preset), []).append(run)
        return found

    def _pursuits(self, run: GoalRun) -> dict[str, Pursuits]:
        folder = self.study / run.name
        return {
            writing: Pursuits(**self._tried(run.seed), run=str(folder), writing=writing)
            for writing in writings_of(load_goal_policy(folder))
        }

    def _planned(self) -> list[tuple[dict[str, Any], list[Planned]]]:
        """Rows: what is said of each, and its cells."""
        policies: Mapping[str, list[GoalRun]] = {
            preset: runs
            for (scene, preset), runs in self._by_preset().items()
            if scene == "state" and preset in PLANNED
        }
        seeds = sorted({run.seed for runs in policies.values() for run in runs}) or [0]
        found = []
        for samples in self.samples:
            for candidates in CANDIDATES:
                about = {"samples": samples, "candidates": candidates}
                alone = [self._plan(seed, None, about) for seed in seeds]
                found.append(({**about, "policy": "none"}, alone))
                for preset, runs in policies.items():
                    cells = [self._plan(run.seed, run, about) for run in runs]
                    found.append(({**about, "policy": preset}, cells))
        return found

    def _plan(self, seed: int, run: GoalRun | None, about: Mapping[str, Any]) -> Planned:
        folder = None if run is None else str(self.study / run.name)
        return Planned(**self._tried(seed), pusher=str(self.pusher), run=folder, **about)

    def _tried(self, seed: int) -> dict[str, Any]:
        return {"split": self.split, "trials": self.trials, "seed": self.seed + seed}
