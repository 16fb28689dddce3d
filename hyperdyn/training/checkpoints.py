"""The state of a training run between two batches, and how it is written and read back."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hyperdyn.storage import read_folder, write_folder

KIND = "training-checkpoint"


@dataclass
class Progress:
    """Where a run stands. Random streams are derived from it, so it needs no generator states."""

    iteration: int = 0
    """Round in progress."""
    epoch: int = 0
    """Passes of this round already made."""
    updates: int = 0
    """Optimiser steps of this round already made."""
    training_loss: float | None = None
    """Mean loss of the latest pass."""
    validation_loss: float | None = None
    """Loss on the episodes kept out, after the latest pass."""
    smoothed_validation: float | None = None
    """Moving average of this round's validation loss."""
    fitting_done: bool = False
    """Whether this round's passes have ended early."""


def save_checkpoint(
    folder: Path, model: nn.Module, optimiser: torch.optim.Adam, progress: Progress
) -> None:
    """Write model, optimiser and progress in one step.

    Raises:
        CheckpointError: If it cannot be written; the previous checkpoint is untouched.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
    write_folder(folder, KIND, vars(progress), tensors)


def load_checkpoint(folder: Path, model: nn.Module, optimiser: torch.optim.Adam) -> Progress:
    """Put a checkpoint's numbers into a model and its optimiser.

    Raises:
        CheckpointError: If it is damaged.
    """
    config, tensors = read_folder(folder, KIND)
    model.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    return Progress(**config)
