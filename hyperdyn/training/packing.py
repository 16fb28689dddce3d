"""A study made small: finished runs without checkpoints, beside what they are read against."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from hyperdyn.errors import InputError
from hyperdyn.storage import is_written
from hyperdyn.training.demonstrations.dataset import DESCRIPTION_FILE
from hyperdyn.training.policies import reference as demonstrated
from hyperdyn.training.run_folder import FINISHED, METRICS_FILE, RUN_FILE
from hyperdyn.training.transfer import reference as collected
from hyperdyn.training.tuning.tuned import FOLDER as TUNED

REFERENCES = "references"
"""Folder in a packed study of what its runs are read against."""
_RESULTS = ("model", TUNED)


def finished_folders(study: Path) -> tuple[Path, ...]:
    """Run folders of a study whose training is over, sorted.

    Raises:
        InputError: If there is none.
    """
    begun = (file.parent for file in study.glob(f"*/{RUN_FILE}"))
    found = tuple(sorted(run for run in begun if _is_finished(run)))
    if not found:
        raise InputError(f"{study} holds no finished run; finish one, or name another.")
    return found


def pack(runs: Sequence[Path], out: Path, references: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Copy what tables are made from.

    Args:
        runs: From `finished_folders`.
        out: Where to; what stands there under other names stays.
        references: What the runs learnt from: demonstrations, or collected experts.

    Returns:
        The folders written.

    Raises:
        InputError: If a reference is no such thing, or see `require_names`.
        CheckpointError: If something to be copied is damaged, or cannot be written.
    """
    require_names(references)
    read = {folder.name: _reference(folder) for folder in references}
    written = []
    for run in runs:
        to = out / run.name
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(parents=True)
        for file in (RUN_FILE, METRICS_FILE, FINISHED):
            if (run / file).exists():
                shutil.copyfile(run / file, to / file)
        for folder in _RESULTS:
            if (run / folder).exists():
                shutil.copytree(run / folder, to / folder)
        written.append(to)
    for name, reference in read.items():
        reference.save(out / REFERENCES / name)
        written.append(out / REFERENCES / name)
    return tuple(written)


def require_names(references: Sequence[Path]) -> None:
    """Refuse references of which one would take another's place.

    Raises:
        InputError: If two folders have one name.
    """
    names = [folder.name for folder in references]
    if len(set(names)) < len(names):
        given = ", ".join(map(str, references))
        raise InputError(
            f"References are kept by the names of their folders; two of {given} agree."
        )


def _is_finished(run: Path) -> bool:
    """What tells differs: some runs take their checkpoint away, others leave a mark."""
    over = not (run / "checkpoint").exists() or (run / FINISHED).exists()
    return over and any(is_written(run / folder) for folder in _RESULTS)


def _reference(folder: Path) -> demonstrated.Reference | collected.ExpertReference:
    if (folder / DESCRIPTION_FILE).exists():
        return demonstrated.read_reference(folder)
    return collected.read_reference(folder)
