"""The policy tables, from finished runs; that of proposals is made in `proposals.py`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.policies import POLICIES, HyPoGen
from hyperdyn.storage import is_written
from hyperdyn.training.cells import Cell, read_cell
from hyperdyn.training.policies.configs import budget_sizes
from hyperdyn.training.policies.reference import read_reference
from hyperdyn.training.policies.returns_figure import Curve
from hyperdyn.training.policies.scores import Returns, Updates
from hyperdyn.training.policies.training import VALIDATION_FILE
from hyperdyn.training.run_folder import RUN_FILE
from hyperdyn.training.statistics import interval, mean

_ABLATED = ("hidden", "activation", "blocks", "code_dim", "thought_width", "raw_conditions")
"""Sizes that make a row of its own when they are not the method's own."""


@dataclass(frozen=True, kw_only=True)
class PolicyRun:
    """A finished run, as its folder tells."""

    folder: Path
    task: str
    method: str
    """Its kind, and what it has of its own: "hypogen_latent, blocks 1"."""
    kind: str
    split: int
    seed: int
    demonstrations: str
    budget: str
    steps: int
    samples: int
    """Transitions a step, at most."""
    learning_rate: float

    @property
    def stratum(self) -> str:
        """What is resampled within itself."""
        return f"split {self.split}, seed {self.seed}"


def read_runs(study: Path) -> list[PolicyRun]:
    """Finished runs in the folders of a study, by name.

    Those that hold training specifications out are for choosing settings, which test specifications
    must have no part in: they are left out.

    Raises:
        InputError: If there is none, or two stand for the same.
        CheckpointError: If one cannot be read.
    """
    found = []
    for folder in sorted(path.parent for path in study.glob(f"*/{RUN_FILE}")):
        if is_written(folder / "model") and not (folder / VALIDATION_FILE).exists():
            found.append(read_run(folder))
    if not found:
        raise InputError(
            f"{study} holds no finished run of `hyperdyn train policy`; give a folder of run "
            "folders."
        )
    keys = [(run.task, run.method, run.stratum) for run in found]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise InputError(f"{study} holds several runs of {twice[0]}; leave one of each.")
    return found


def read_run(folder: Path) -> PolicyRun:
    """What a run folder says of itself.

    Raises:
        CheckpointError: If it is no run folder.
    """
    try:
        config = json.loads((folder / RUN_FILE).read_text())["config"]
        kind = config["kind"]
        return PolicyRun(
            folder=folder,
            task=config["task"],
            method=", ".join([kind, *_differences(kind, config["budget"], config["model"])]),
            kind=kind,
            split=config["split"],
            seed=config["seed"],
            demonstrations=config["demonstrations"],
            budget=config["budget"],
            steps=config["steps"],
            samples=config["tasks"] * config["targets"],
            learning_rate=config["learning_rate"],
        )
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder} is no run of `hyperdyn train policy` ({type(error).__name__}: {error}); "
            "move it elsewhere."
        ) from error


def _differences(kind: str, budget: str, sizes: Mapping[str, Any]) -> list[str]:
    """Words for the sizes that are not the method's own in that budget."""
    fields, own = POLICIES[kind].config_type.__dataclass_fields__, budget_sizes(kind, budget)
    found = []
    for name in _ABLATED:
        if name not in fields:
            continue
        if json.loads(json.dumps(own.get(name, fields[name].default))) == sizes[name]:
            continue
        value = sizes[name]
        words = (
            "" if value is True else " ".join(map(str, value if type(value) is list else [value]))
        )
        found.append(f"{name.replace('_', ' ')} {words}".strip())
    return found


class PolicyStudy:
    """Runs, the demonstrations they were trained on, and where their cells are kept.

    Args:
        runs: Finished ones.
        sources: Folders of demonstrations, or of their references.
        kept: Folder of cells.
        episodes: Of each test specification.
        seed: Of how they begin.

    Raises:
        InputError: If the demonstrations of a run are missing, or runs of a task were not made with
            equal steps and samples.
        CheckpointError: If demonstrations cannot be read.
    """

    def __init__(
        self,
        runs: Sequence[PolicyRun],
        sources: Sequence[Path],
        kept: Path,
        *,
        episodes: int,
        seed: int,
    ) -> None:
        self.runs, self.kept = tuple(runs), kept
        self.episodes, self.seed = episodes, seed
        self._sources = {read_reference(folder).digest: folder for folder in sources}
        for run in self.runs:
            if run.demonstrations not in self._sources:
                raise InputError(
                    f"The demonstrations of {run.folder} are not among those given; add "
                    f"--demonstrations FOLDER of {run.task}, as it was when the run was made."
                )
        for task in self.tasks:
            made = {(r.budget, r.steps, r.samples) for r in self.runs if r.task == task}
            if len(made) > 1:
                raise InputError(
                    f"The runs of {task} have the budgets, steps and samples a step "
                    f"{sorted(made)}; methods are compared at equal ones. Keep runs of other "
                    "budgets in another folder."
                )

    @property
    def tasks(self) -> tuple[str, ...]:
        """In order of appearance."""
        return tuple(dict.fromkeys(run.task for run in self.runs))

    def methods(self, task: str) -> dict[str, list[PolicyRun]]:
        """A task's runs by their methods."""
        found: dict[str, list[PolicyRun]] = {}
        for run in self.runs:
            if run.task == task:
                found.setdefault(run.method, []).append(run)
        return found

    def place(self, run: PolicyRun) -> dict[str, Any]:
        """What a cell of a run says first."""
        return {
            "run": str(run.folder),
            "source": str(self._sources[run.demonstrations]),
            "demonstrations": run.demonstrations,
            "split": run.split,
        }

    def cells(self, tables: Sequence[str]) -> list[Cell]:
        """What the tables are made from."""
        found: list[Cell] = []
        if "1" in tables:
            found += [self._returns(run) for run in self.runs]
        if "4" in tables:
            found += [self._updates(run) for run in self.runs if _optimises(run)]
        return found

    def tables(self, tables: Sequence[str]) -> dict[str, Any]:
        """The tables, from cells that were worked out.

        Raises:
            HyperdynError: If one was not.
        """
        made = {"1": ("table1", self._table1), "4": ("updates", self._updates_table)}
        found: dict[str, Any] = {}
        for number, (name, make) in made.items():
            if number in tables:
                found[name] = {task: make(self.methods(task)) for task in self.tasks}
        return found

    def curves(self) -> dict[str, dict[int, dict[str, Curve]]]:
        """Returns over specifications by task, split and method, of each split's first seed.

        Raises:
            HyperdynError: If a cell was not worked out.
        """
        found: dict[str, dict[int, dict[str, Curve]]] = {}
        for run in sorted(self.runs, key=lambda run: (run.seed, run.split)):
            methods = found.setdefault(run.task, {}).setdefault(run.split, {})
            cell = read_cell(self._returns(run), self.kept)
            values = [specification[0] for specification in cell["specifications"]]
            methods.setdefault(run.method, (values, _means(cell["returns"])))
            methods.setdefault("expert", (values, _means(cell["expert"])))
        return found

    def _table1(self, methods: Mapping[str, Sequence[PolicyRun]]) -> dict[str, Any]:
        """Mean returns; shares are of the expert's on the same specifications."""
        found: dict[str, Any] = {}
        experts: dict[str, list[float]] = {}
        for method, runs in methods.items():
            cells = {run.stratum: read_cell(self._returns(run), self.kept) for run in runs}
            own = {name: _means(cell["returns"]) for name, cell in cells.items()}
            theirs = {name: _means(cell["expert"]) for name, cell in cells.items()}
            experts |= {f"split {run.split}": theirs[run.stratum] for run in runs}
            expert = float(np.mean(np.concatenate(list(theirs.values()))))
            row = _row(own)
            found[method] = {
                **row,
                "share": row["mean"] / expert,
                "share_ci95": [end / expert for end in row["ci95"]],
                "few_shot": POLICIES[runs[0].kind].needs_support,
            }
        found["expert"] = _row(experts)
        return found

    def _updates_table(self, methods: Mapping[str, Sequence[PolicyRun]]) -> dict[str, Any]:
        """Mean squared errors of actions on test specifications, from none to K updates."""
        found = {}
        for method, runs in methods.items():
            if not _optimises(runs[0]):
                continue
            errors = {
                run.stratum: read_cell(self._updates(run), self.kept)["errors"] for run in runs
            }
            updates = range(len(next(iter(errors.values()))))
            rows = [_row({name: part[k] for name, part in errors.items()}) for k in updates]
            found[method] = {
                "errors": [row["mean"] for row in rows],
                "ci95": [row["ci95"] for row in rows],
            }
        return found

    def _returns(self, run: PolicyRun) -> Returns:
        return Returns(**self.place(run), episodes=self.episodes, seed=self.seed)

    def _updates(self, run: PolicyRun) -> Updates:
        return Updates(**self.place(run))


def _optimises(run: PolicyRun) -> bool:
    return issubclass(POLICIES[run.kind], HyPoGen)


def _means(returns: Sequence[Sequence[float]]) -> list[float]:
    """Of each specification."""
    return [float(np.mean(episodes)) for episodes in returns]


def _row(strata: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Mean over strata of their means, and the 95 % interval over specifications within strata."""
    by_stratum = {name: float(np.mean(values)) for name, values in strata.items()}
    low, high = interval(list(strata.values()), statistic=mean)
    return {
        "mean": float(np.mean(np.concatenate([np.asarray(part) for part in strata.values()]))),
        "ci95": [low, high],
        "specifications": {name: len(values) for name, values in strata.items()},
        "by_stratum": by_stratum,
    }
