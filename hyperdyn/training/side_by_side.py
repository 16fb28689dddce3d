"""The runs of a study, several side by side; what is finished stays, what was begun goes on."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hyperdyn.storage import is_written
from hyperdyn.threads import intra_op_threads
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.processes import processes
from hyperdyn.training.run_folder import RUN_FILE, open_run

POLL_SECONDS = 1.0


@runtime_checkable
class StudyRun(Protocol):
    """A run of optimiser steps that knows what it learns from; it travels to other processes."""

    @property
    def config(self) -> Any:
        """All that defines it, as its folder keeps it; it has `steps`."""

    def train(self, folder: Path, on_step: Callable[[int], object]) -> object:
        """Train, or go on with what is in the folder, and write `folder / "model"`.

        Args:
            folder: Of the run.
            on_step: Told how many optimiser steps were made.
        """


def train_side_by_side(
    runs: Mapping[str, StudyRun],
    study: Path,
    *,
    workers: int,
    on_steps: Callable[[int], object] = lambda count: None,
) -> None:
    """Train the runs that are missing and go on with those that were begun.

    Args:
        runs: By the names of their folders; begun in this order.
        study: Folder of those folders.
        workers: Processes, each with one run at a time and one thread; one works in this process.
        on_steps: Told how many optimiser steps were made; of runs found finished all count at once.

    Raises:
        CheckpointError: If a folder holds another run.
    """
    missing = []
    for name, run in runs.items():
        folder = study / name
        if (folder / RUN_FILE).is_file():
            open_run(run.config, folder, resume=True)
        if is_written(folder / "model"):
            on_steps(run.config.steps)
        else:
            missing.append(name)
    if workers == 1 or len(missing) < 2:
        with intra_op_threads(1):  # as in a process of its own
            for name in missing:
                runs[name].train(study / name, on_steps)
        return
    steps = _Steps({study / name: runs[name].config.steps for name in missing}, on_steps)
    with processes(min(workers, len(missing))) as pool:
        pending = {pool.submit(_train, runs[name], study / name) for name in missing}
        while pending:
            done, pending = wait(pending, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for job in done:
                job.result()
            steps.look()


class _Steps:
    """How many steps several runs have made, told as differences."""

    def __init__(self, runs: Mapping[Path, int], tell: Callable[[int], object]) -> None:
        self._runs, self._tell, self._told = runs, tell, 0

    def look(self) -> None:
        """Read the metrics and tell of what is new."""
        now = sum(self._made(folder, most) for folder, most in self._runs.items())
        self._tell(now - self._told)
        self._told = now

    def _made(self, folder: Path, most: int) -> int:
        if is_written(folder / "model"):
            return most
        rows = read_metrics(folder)
        return int(rows[-1]["step"]) if rows else 0


def _train(run: StudyRun, folder: Path) -> None:
    run.train(folder, _nobody)


def _nobody(count: int) -> None:
    """Told of steps in another process."""
