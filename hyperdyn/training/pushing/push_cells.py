"""The cells of the pushing tables: each is worked out by itself, kept, and never twice."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hyperdyn.errors import HyperdynError
from hyperdyn.pushing import load_pusher
from hyperdyn.storage import read_header
from hyperdyn.training.processes import processes
from hyperdyn.training.pushing.crops import Cut, cache_crops
from hyperdyn.training.pushing.dataset import PushingDataset
from hyperdyn.training.pushing.push_data import PushData
from hyperdyn.training.pushing.push_errors import push_errors
from hyperdyn.training.pushing.pusher import ModelPusher
from hyperdyn.training.pushing.trial_configs import TrialConfig
from hyperdyn.training.pushing.trials import run_trials


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Prediction errors of one model on one collection (tables 1 and 4)."""

    model: str
    """Its folder, or a packaged name's."""
    split: str
    data: str
    """Folder of the test collection."""
    crops: str
    """Folder of its crops."""
    exact: bool = False
    """Whether shape codes are worked out anew at every push."""

    def work_out(self) -> dict[str, Any]:
        """Errors of every episode, cm."""
        dataset = PushingDataset(self.data)
        data = PushData.read(dataset, Path(self.crops), dataset.shards)
        errors = push_errors(
            load_pusher(Path(self.model)), data, known=self.split == "seen", exact=self.exact
        )
        return {"t1": errors.one_step.tolist(), "t5": errors.unrolled.tolist()}


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Trials of one model at one task on one split (table 2)."""

    model: str
    split: str
    task: str
    preset: str
    trials: int
    seed: int

    def work_out(self) -> dict[str, Any]:
        """The result of every trial."""
        config = TrialConfig(
            task=self.task,
            split=self.split,
            preset=self.preset,
            trials=self.trials,
            seed=self.seed,
        )
        results = run_trials(ModelPusher(load_pusher(Path(self.model))), config)
        return {"trials": [asdict(result) for result in results]}


Cell = Errors | Trials


def work_out(cells: Sequence[Cell], folder: Path, *, workers: int) -> Iterator[Cell]:
    """Work out the cells that are not there, several at once, and tell of each when it is.

    Args:
        cells: Which.
        folder: Where they are kept; a cell of another setting or model is made anew.
        workers: Processes.

    Raises:
        HyperdynError: If one fails; those done stay.
    """
    missing = []
    for cell in cells:
        if _kept(cell, folder) is None:
            missing.append(cell)
        else:
            yield cell
    with processes(workers) as pool:
        jobs = {pool.submit(_make, cell, folder): cell for cell in missing}
        for job in as_completed(jobs):
            job.result()
            yield jobs[job]


def read_cell(cell: Cell, folder: Path) -> dict[str, Any]:
    """What was worked out.

    Raises:
        HyperdynError: If it was not.
    """
    kept = _kept(cell, folder)
    if kept is None:
        raise HyperdynError(f"{_file(cell, folder)} is not there; run the same command again.")
    return kept


def prepare_crops(model: Path, dataset: PushingDataset, cuts: Mapping[Path, Cut]) -> None:
    """Cut the crops of a test collection, with the map and detector that a study's models share."""
    cache_crops(load_pusher(model).visual, dataset, cuts)


def _make(cell: Cell, folder: Path) -> None:
    found = {"setting": _setting(cell), **cell.work_out()}
    file = _file(cell, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".writing")
    temporary.write_text(json.dumps(found) + "\n")
    temporary.replace(file)


def _kept(cell: Cell, folder: Path) -> dict[str, Any] | None:
    file = _file(cell, folder)
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text())
    return found if found.get("setting") == _setting(cell) else None


def _setting(cell: Cell) -> dict[str, Any]:
    return {**asdict(cell), "weights": read_header(Path(cell.model))["sha256"]}


def _file(cell: Cell, folder: Path) -> Path:
    words = [Path(cell.model).name, cell.split]
    if isinstance(cell, Trials):
        words += [cell.task, cell.preset]
    else:
        words += ["errors", "exact" if cell.exact else "ring", Path(cell.crops).name]
    return folder / f"{'.'.join(words)}.json"
