"""The runs of a study: every task with every model and seed, several side by side."""

import contextlib
import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hyperdyn.errors import CheckpointError, HyperdynError, InputError, require_known
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.jobs import Where
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.on_policy import train
from hyperdyn.training.presets import KINDS, ROADS, VARIANTS, preset
from hyperdyn.training.processes import processes
from hyperdyn.training.run_folder import FINISHED, RUN_FILE, open_run

MODELS = (*KINDS, *VARIANTS)
"""What a study can hold, by the names of tables and folders."""
BUDGETS = ("reduced", "paper")
LOGS = "logs"
"""Folder of a study with what each run had to say."""
POLL_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, order=True)
class Run:
    """One model trained on one task from one seed."""

    task: str
    """A key of `presets.ROADS`."""
    model: str
    """One of `MODELS`."""
    seed: int

    @property
    def name(self) -> str:
        """Of its folder in a study."""
        return f"{self.task}-{self.model}-{self.seed}"

    def config(self, budget: str) -> TrainConfig:
        """What is run.

        Raises:
            UnknownNameError: If there is no such task, model or budget.
            InputError: If the model has no run on that task with that budget.
        """
        require_known("task", self.task, ROADS)
        require_known("model", self.model, MODELS)
        require_known("budget", budget, BUDGETS)
        name = f"{self.task}-{self.model.replace('_', '-')}-{budget}"
        try:
            return replace(preset(name), seed=self.seed)
        except HyperdynError as error:
            raise InputError(
                f"There is no preset {name}: the paper's budget is for the paper's tasks, and "
                f"ablations ({', '.join(VARIANTS)}) have the reduced one."
            ) from error


def finished_runs(study: Path) -> list[Run]:
    """The runs of a study whose training is over, by task, model and seed in order."""
    found = []
    for task in ROADS:
        for model in MODELS:
            start = f"{task}-{model}-"
            seeds = [
                int(folder.name.removeprefix(start))
                for folder in study.glob(f"{start}*")
                if re.fullmatch(r"\d+", folder.name.removeprefix(start))
                and (folder / FINISHED).is_file()
            ]
            found += [Run(task=task, model=model, seed=seed) for seed in sorted(seeds)]
    return found


def read_config(folder: Path) -> dict[str, Any]:
    """What was run in a folder, as JSON has it.

    Raises:
        CheckpointError: If the folder does not say.
    """
    try:
        config: dict[str, Any] = json.loads((folder / RUN_FILE).read_text())["config"]
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{folder / RUN_FILE} does not say what was run ({error!r}); train the run anew."
        ) from error
    return config


def train_runs(
    runs: Sequence[Run],
    study: Path,
    budget: str,
    *,
    workers: int,
    device: str = "cpu",
    on_rounds: Callable[[int], object] = lambda rounds: None,
) -> None:
    """Train the runs that are missing and go on with those that were begun.

    Args:
        runs: Which; begun in this order.
        study: Folder of their folders. What a run has to say is in `logs` there.
        budget: One of `BUDGETS`.
        workers: Processes, each with one run at a time.
        device: Where models are fitted and planned with, cpu or cuda.
        on_rounds: Told how many rounds were finished; those found finished count at once.

    Raises:
        CheckpointError: If a folder holds another run.
        HyperdynError: If runs failed; the others were finished first.
    """
    configs = {run: run.config(budget) for run in runs}
    missing = []
    for run, config in configs.items():
        folder = study / run.name
        if (folder / RUN_FILE).is_file():
            open_run(config, folder, resume=True)
        if (folder / FINISHED).is_file():
            on_rounds(config.iterations)
        else:
            missing.append(run)
    if not missing:
        return
    (study / LOGS).mkdir(parents=True, exist_ok=True)
    rounds = _Rounds([(study / run.name, configs[run].iterations) for run in missing], on_rounds)
    with processes(min(workers, len(missing))) as pool:
        where = Where(device=device)
        jobs = {pool.submit(_train, configs[run], study / run.name, where): run for run in missing}
        failed: list[str] = []
        pending: set[Future[None]] = set(jobs)
        while pending:
            done, pending = wait(pending, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            rounds.look()
            for job in done:
                failed += _failure(job, jobs[job])
    if failed:
        raise HyperdynError(
            f"{len(failed)} of {len(missing)} runs failed; the same command goes on with them. "
            + " ".join(failed)
        )


class _Rounds:
    """How many rounds several runs have finished, told as differences."""

    def __init__(self, runs: Sequence[tuple[Path, int]], tell: Callable[[int], object]) -> None:
        self._runs, self._tell, self._told = runs, tell, 0

    def look(self) -> None:
        """Read the metrics and tell of what is new."""
        now = sum(
            most if (folder / FINISHED).is_file() else min(len(read_metrics(folder)), most)
            for folder, most in self._runs
        )
        self._tell(now - self._told)
        self._told = now


def _failure(job: "Future[None]", run: Run) -> list[str]:
    try:
        job.result()
    except BrokenProcessPool:
        return [f"{run.name}: a process was killed."]
    except (HyperdynError, OSError) as error:
        return [f"{run.name}: {error}"]
    return []


def _train(config: TrainConfig, folder: Path, where: Where) -> None:
    with (
        (folder.parent / LOGS / f"{folder.name}.txt").open("a") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        train(config, folder, resume=(folder / RUN_FILE).is_file(), where=where)
