"""Metrics as they come: one JSON line a round, and the same numbers for tensorboard."""

import json
from pathlib import Path
from typing import Any

from torch.utils.tensorboard.writer import SummaryWriter

from hyperdyn.training.run_folder import METRICS_FILE


class Metrics:
    """Writes `metrics.jsonl` and tensorboard files in a run folder.

    Args:
        folder: The run folder.
        first: The round about to start; later rounds found in the file are dropped, since they will
            be run again.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self.path = folder / METRICS_FILE
        kept = [row for row in read_metrics(folder) if row["iteration"] < first]
        self.path.write_text("".join(json.dumps(row) + "\n" for row in kept))
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=first)

    def write(self, iteration: int, values: dict[str, Any]) -> None:
        """Append one round."""
        with self.path.open("a") as file:
            file.write(json.dumps({"iteration": iteration, **values}) + "\n")
        for name, value in values.items():
            if isinstance(value, int | float):
                self._writer.add_scalar(name, value, iteration)
        self._writer.flush()

    def close(self) -> None:
        """Close the tensorboard file."""
        self._writer.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The rounds recorded so far; a last line cut short by a crash is left out."""
    path = folder / METRICS_FILE
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows
