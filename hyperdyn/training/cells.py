"""The cells of tables: each is worked out by itself, kept in a file, and never twice."""

import abc
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hyperdyn.errors import HyperdynError
from hyperdyn.storage import is_written, read_header
from hyperdyn.threads import intra_op_threads
from hyperdyn.training.processes import processes


@dataclass(frozen=True, kw_only=True)
class Cell(abc.ABC):
    """What a part of a table is made from: a subclass's fields are JSON values and dataclasses."""

    places: ClassVar[tuple[str, ...]] = ()
    """Fields that say where things stand: a cell is good wherever it was made."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """Of its file, without the ending; no other cell of the same folder has it."""

    @property
    @abc.abstractmethod
    def weights(self) -> dict[str, Path]:
        """Folders of the models it is about, by what they are to it."""

    @property
    def products(self) -> tuple[Path, ...]:
        """Folders that it writes beside its numbers."""
        return ()

    @abc.abstractmethod
    def work_out(self) -> dict[str, Any]:
        """Its numbers, JSON values."""

    def setting(self) -> dict[str, Any]:
        """All that its numbers depend on, as JSON reads it: fields, and checksums of the models."""
        fields = {name: value for name, value in asdict(self).items() if name not in self.places}
        sums = {what: read_header(at)["sha256"] for what, at in self.weights.items()}
        found: dict[str, Any] = json.loads(json.dumps(fields | sums))
        return found


AnyCell = TypeVar("AnyCell", bound=Cell)


def work_out(cells: Sequence[AnyCell], folder: Path, *, workers: int) -> Iterator[AnyCell]:
    """Work out the cells that are not there, several at once, and tell of each when it is.

    Args:
        cells: Which.
        folder: Where they are kept; a cell of another setting or model is made anew.
        workers: Processes; one works in this process itself.

    Raises:
        HyperdynError: If one fails; those done stay.
    """
    missing = []
    for cell in cells:
        if _kept(cell, folder) is None:
            missing.append(cell)
        else:
            yield cell
    if workers == 1 or len(missing) < 2:
        for cell in missing:
            with intra_op_threads(1):  # as in a process of its own
                _make(cell, folder)
            yield cell
        return
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


def write_cell(cell: Cell, folder: Path, found: dict[str, Any]) -> None:
    """Keep the numbers of a cell, in one step."""
    file = _file(cell, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".writing")
    temporary.write_text(json.dumps({"setting": cell.setting(), **found}) + "\n")
    temporary.replace(file)


def _make(cell: Cell, folder: Path) -> None:
    before = cell.setting()
    found = cell.work_out()
    if cell.setting() != before:
        raise HyperdynError(
            f"A model changed while {cell.name} was worked out; run the same command again."
        )
    write_cell(cell, folder, found)


def _kept(cell: Cell, folder: Path) -> dict[str, Any] | None:
    file = _file(cell, folder)
    if not file.is_file() or not all(is_written(product) for product in cell.products):
        return None
    found: dict[str, Any] = json.loads(file.read_text())
    return found if found.get("setting") == cell.setting() else None


def _file(cell: Cell, folder: Path) -> Path:
    return folder / f"{cell.name}.json"
