"""A run of updates in a folder, where an update may be several optimiser steps of some weights."""

import math
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hyperdyn.errors import HyperdynError
from hyperdyn.storage import is_written
from hyperdyn.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from hyperdyn.training.gradients import clip_gradients
from hyperdyn.training.metrics import Metrics
from hyperdyn.training.run_folder import open_run

CHECKPOINT_SECONDS = 30.0
LOG_EVERY = 50

Descend = Callable[[Tensor, Iterable[nn.Parameter]], None]
"""Lowers a loss by a step of some weights, all others being left where they are."""
Update = Callable[[int, Descend], dict[str, Tensor]]
"""Makes the update of a number, and returns the losses to log, by name."""


class UpdateRun:
    """Updates that can be stopped at any moment and gone on with, to the same weights.

    One Adam holds all weights, with clipped gradients; a weight that is not asked to move has no
    gradient, and Adam leaves it and its moments alone. To be used as a context.

    Args:
        config: The run, a dataclass of JSON values.
        folder: Its own; new, unless a run in it is resumed.
        model: Trained in place.
        stages: Updates of each stage; stages come in order.
        gradient_norm: Longest gradient of an optimiser step.
        resume: Whether to go on, if there is something to go on with.

    Raises:
        CheckpointError: If the folder holds another run, or one that was not to be resumed.
    """

    def __init__(
        self,
        config: Any,
        folder: Path,
        model: nn.Module,
        *,
        stages: tuple[int, ...],
        gradient_norm: float,
        resume: bool,
    ) -> None:
        self._folder, self._model, self._stages = folder, model, stages
        self._gradient_norm = gradient_norm
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        # Rate and betas are set before every update.
        self._optimiser = torch.optim.Adam(weights, fused=True)
        self._saved_at = time.monotonic()
        self._progress = Progress()
        open_run(config, folder, resume=resume and folder.exists())
        if is_written(folder / "checkpoint"):
            self._progress = load_checkpoint(folder / "checkpoint", model, self._optimiser)
        self._metrics = Metrics(folder, self._made())

    def __enter__(self) -> "UpdateRun":
        """Nothing more than __init__ has done."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the logs; what was trained since the last checkpoint is done again."""
        self._metrics.close()

    def stage(
        self,
        number: int,
        update: Update,
        *,
        rate: float,
        betas: tuple[float, float],
        on_step: Callable[[int], object],
    ) -> None:
        """Make the updates of a stage that are still missing; stages that are over are left alone.

        Args:
            number: Of the stage, from 0.
            update: Makes an update of the stage, by its number in it.
            rate: Learning rate at the first; it falls on a line to zero.
            betas: Of Adam.
            on_step: Told how many updates were made.

        Raises:
            HyperdynError: If a loss or its gradient is not finite; the last checkpoint is kept.
        """
        count = self._stages[number]
        if self._progress.iteration > number:
            on_step(count)
            return
        if self._progress.iteration < number:  # those between have no updates
            self._progress = Progress(iteration=number)
        on_step(self._progress.updates)
        while self._progress.updates < count:
            step = self._progress.updates
            for group in self._optimiser.param_groups:
                group["lr"], group["betas"] = rate * (1 - step / count), betas
            losses = update(step, self._descend)
            if step % LOG_EVERY == 0 or step + 1 == count:
                told = {name: value.item() for name, value in losses.items()}
                self._metrics.write(self._made(), told)
            self._progress.updates += 1
            on_step(1)
            if time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                self._save()
        self._progress = Progress(iteration=number + 1)

    def stage_is_over(self, number: int) -> bool:
        """Whether a stage's updates are all made."""
        return self._progress.iteration > number

    def finish(self) -> None:
        """Remove the checkpoint; what was asked for and the logs stay."""
        shutil.rmtree(self._folder / "checkpoint", ignore_errors=True)

    def _made(self) -> int:
        """Updates of all stages so far."""
        return sum(self._stages[: self._progress.iteration]) + self._progress.updates

    def _save(self) -> None:
        save_checkpoint(self._folder / "checkpoint", self._model, self._optimiser, self._progress)
        self._saved_at = time.monotonic()

    def _descend(self, loss: Tensor, weights: Iterable[nn.Parameter]) -> None:
        moved = list(weights)
        gradients = torch.autograd.grad(loss, moved)
        for weight, gradient in zip(moved, gradients, strict=True):
            weight.grad = gradient
        if not math.isfinite(clip_gradients(moved, self._gradient_norm)):
            raise HyperdynError(
                f"A loss or its gradient is not finite in update {self._progress.updates + 1} of "
                f"stage {self._progress.iteration + 1}. What was trained until the last checkpoint "
                "is kept; begin a new run with a lower learning_rate or gradient_norm."
            )
        self._optimiser.step()
        for weight in moved:
            weight.grad = None
