"""The folder of a run: begun once, and gone on with only by the run that began it."""

import json
from pathlib import Path
from typing import Any

import torch

import hyperdyn
from hyperdyn.errors import CheckpointError
from hyperdyn.storage import to_config

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
FINISHED = "finished"
"""File that the folder of an on-policy run gets when its training is over."""
LAYOUT = 1


def open_run(config: Any, out: Path, *, resume: bool) -> None:
    """Begin a run in a folder, or check that it is the one begun there.

    Args:
        config: What is run, a dataclass of JSON values.
        out: Run folder.
        resume: Whether the run is there already; if not, `out` must not exist or be empty.

    Raises:
        CheckpointError: If `out` holds a run and `resume` is false, holds another configuration or
            version, or cannot be written.
    """
    path = out / RUN_FILE
    record = {"format": "hyperdyn-run", "version": LAYOUT, "config": to_config(config)}
    if not resume:
        _begin(record, out, path)
        return
    try:
        found = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise CheckpointError(
            f"{out} holds no run to resume ({error}); start one without --resume."
        ) from error
    if found.get("version") != LAYOUT:
        raise CheckpointError(
            f"{out} was made by run layout {found.get('version')}; this hyperdyn reads layout "
            f"{LAYOUT}. Resume with the release that began it."
        )
    # As JSON has it, where a sequence is a list.
    wanted = json.loads(json.dumps(record["config"]))
    if found.get("config") != wanted:
        changed = sorted(k for k, v in wanted.items() if found["config"].get(k) != v)
        raise CheckpointError(
            f"{out} holds a run with other settings ({', '.join(changed)}); resume with the "
            "settings and seed it began with, or name another folder."
        )


def _begin(record: dict[str, Any], out: Path, path: Path) -> None:
    if out.exists() and any(out.iterdir()):
        raise CheckpointError(
            f"{out} is not empty. Continue the run in it with --resume, or name another folder."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        versions = {"hyperdyn": hyperdyn.__version__, "torch": str(torch.__version__)}
        path.write_text(json.dumps({**record, "versions": versions}, indent=2) + "\n")
    except OSError as error:
        raise CheckpointError(f"Could not write {path}: {error}. Choose another place.") from error
