"""The table of proposals: how much planning a policy saves, how much planning mends a policy."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.training.cells import read_cell
from hyperdyn.training.demonstrations.replay import SPLIT
from hyperdyn.training.policies.planned import (
    ALONE,
    GENERATED,
    PROPOSAL,
    SABOTAGED,
    SAMPLING,
    TRUE,
    Planned,
    PlanSetting,
)
from hyperdyn.training.policies.ratios import candidate_ratio
from hyperdyn.training.policies.tables import PolicyRun, PolicyStudy
from hyperdyn.training.run_folder import RUN_FILE
from hyperdyn.training.statistics import interval, mean

Strata = dict[str, NDArray[np.float64]]
"""Returns by split and training seed: [episodes], or [counts, episodes]."""
ACTS = (SAMPLING, PROPOSAL, SABOTAGED)


class ProposalStudy:
    """What the table is made from.

    Args:
        study: The trained generators.
        setting: How they are measured.
        models: Run folders of dynamics generators, at most one a task. They were trained on the
            specifications of split 0, so generators of other splits are measured over true dynamics
            alone.

    Raises:
        InputError: If two models are of one task, or one is of none; if there is but one number of
            candidates.
        CheckpointError: If one is no run of `hyperdyn train`.
    """

    def __init__(self, study: PolicyStudy, setting: PlanSetting, models: Sequence[Path]) -> None:
        if len(setting.candidates) < 2:
            raise InputError(
                f"A ratio wants two or more numbers of candidates; got {list(setting.candidates)}."
            )
        self.study, self.setting = study, setting
        self._models: dict[str, Path] = {}
        for folder in models:
            task = _task_of(folder)
            if task in self._models:
                raise InputError(f"{self._models[task]} and {folder} are both of {task}; give one.")
            self._models[task] = folder

    def cells(self) -> list[Planned]:
        """All of them; those of sampling alone, which several generators share, once."""
        found: list[Planned] = []
        for run in self.study.runs:
            found.append(self._cell(run, ALONE))
            for over in self._over(run):
                for act in ACTS:
                    found += [self._cell(run, act, over, n) for n in self.setting.candidates]
        return list(dict.fromkeys(found))

    def table(self) -> dict[str, Any]:
        """By task and method, from cells that were worked out.

        Raises:
            HyperdynError: If one was not.
        """
        return {
            task: {method: self._method(runs) for method, runs in self.study.methods(task).items()}
            for task in self.study.tasks
        }

    def setting_as_json(self) -> dict[str, Any]:
        """How it was measured."""
        models = {task: folder.name for task, folder in self._models.items()}
        return {**asdict(self.setting), "dynamics": models}

    def _method(self, runs: Sequence[PolicyRun]) -> dict[str, Any]:
        alone = {run.stratum: self._returns(self._cell(run, ALONE)) for run in runs}
        shown = {run.stratum: read_cell(self._cell(run, ALONE), self.study.kept) for run in runs}
        expert = {name: np.asarray(cell["expert"]).flatten() for name, cell in shown.items()}
        found: dict[str, Any] = {ALONE: _row(alone), "expert": _row(expert)}
        for over in (TRUE, GENERATED):
            measured = [run for run in runs if over in self._over(run)]
            if measured:
                found[over] = self._over_dynamics(measured, over)
        headline = found.get(GENERATED, found[TRUE])
        return {
            "candidate_ratio": headline["candidate_ratio"],
            "ci95": headline["ci95"],
            "over": GENERATED if GENERATED in found else TRUE,
            **found,
        }

    def _over_dynamics(self, runs: Sequence[PolicyRun], over: str) -> dict[str, Any]:
        counts = self.setting.candidates
        curves: dict[str, Strata] = {
            act: {
                run.stratum: np.stack(
                    [self._returns(self._cell(run, act, over, number)) for number in counts]
                )
                for run in runs
            }
            for act in ACTS
        }
        few = {name: curve[0] for name, curve in curves[PROPOSAL].items()}
        ratio = candidate_ratio(counts, curves[SAMPLING], few)
        cost = {
            name: (curve - curves[SABOTAGED][name]).mean(0)
            for name, curve in curves[SAMPLING].items()
        }
        return {
            "candidate_ratio": ratio.ratio,
            "ci95": list(ratio.ci95),
            "limits": list(ratio.limits),
            "text": ratio.text,
            "sabotage_cost": _row(cost),
            **{
                act: {
                    str(number): _row({name: curve[place] for name, curve in strata.items()})
                    for place, number in enumerate(counts)
                }
                for act, strata in curves.items()
            },
        }

    def _over(self, run: PolicyRun) -> tuple[str, ...]:
        known = run.task in self._models and run.split == SPLIT
        return (TRUE, GENERATED) if known else (TRUE,)

    def _returns(self, cell: Planned) -> NDArray[np.float64]:
        return np.asarray(read_cell(cell, self.study.kept)["returns"], dtype=np.float64).flatten()

    def _cell(self, run: PolicyRun, act: str, over: str = "", number: int = 0) -> Planned:
        place, setting = self.study.place(run), self.setting
        how: dict[str, Any] = {}
        if over:
            how = {"planner": setting.planner, "horizon": setting.horizon, "candidates": number}
            how |= {"over": over}
            how |= {"model": str(self._models[run.task])} if over == GENERATED else {}
        if act == SAMPLING:
            place["run"] = ""
        elif over:
            how |= {"share": setting.share, "std": setting.std}
        return Planned(
            **place,
            **how,
            task=run.task,
            act=act,
            specifications=setting.specifications,
            episodes=self.study.episodes,
            steps=setting.steps,
            seed=self.study.seed,
        )


def _task_of(folder: Path) -> str:
    """The suite's task that a run of `hyperdyn train` was about."""
    try:
        env_id = json.loads((folder / RUN_FILE).read_text())["config"]["env_id"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder} is no run of dynamics ({type(error).__name__}: {error}); give a folder that "
            "`hyperdyn train dynamics` wrote."
        ) from error
    for task, grid in GRIDS.items():
        if grid.env_id == env_id:
            return task
    raise InputError(f"{folder} is about {env_id}, which is no task of the control suite.")


def _row(strata: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Mean over episodes, and its 95 % interval: episodes are resampled within each stratum."""
    low, high = interval([values.tolist() for values in strata.values()], statistic=mean)
    return {
        "mean": float(np.concatenate(list(strata.values())).mean()),
        "ci95": [low, high],
        "episodes": {name: len(values) for name, values in strata.items()},
    }
