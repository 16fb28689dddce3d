"""A run of optimiser steps in a folder: what was asked for, its log, a checkpoint to go on from."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hyperdyn.errors import HyperdynError
from hyperdyn.storage import is_written
from hyperdyn.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from hyperdyn.training.denormals import denormals_flushed
from hyperdyn.training.run_folder import METRICS_FILE, open_run

CHECKPOINT_SECONDS = 30.0
LOG_EVERY = 50


class SteppedRun:
    """Optimiser steps that can be stopped at any moment and gone on with, to the same weights.

    Args:
        config: The run, a dataclass of JSON values.
        folder: Its own; new, unless a run in it is resumed.
        model: Trained in place, by Adam.
        resume: Whether to go on, if there is something to go on with.

    Raises:
        CheckpointError: If the folder holds another run, or one that was not to be resumed.
    """

    def __init__(self, config: Any, folder: Path, model: nn.Module, *, resume: bool) -> None:
        self._folder, self._model = folder, model
        # The rate is set before every step.
        self._optimiser = torch.optim.Adam(model.parameters(), fused=True)
        self._saved_at = time.monotonic()
        self.progress = Progress()
        open_run(config, folder, resume=resume and folder.exists())
        if is_written(folder / "checkpoint"):
            self.progress = load_checkpoint(folder / "checkpoint", model, self._optimiser)

    @denormals_flushed()
    def steps(
        self,
        stage: int,
        count: int,
        rate: float,
        loss: Callable[[int], Tensor],
        on_step: Callable[[int], object],
    ) -> None:
        """Make the steps of a stage that are still missing; stages that are over are left alone.

        Args:
            stage: Its number; stages come in order.
            count: Steps.
            rate: Learning rate at the first; it falls on a line to zero.
            loss: Of a step by its number.
            on_step: Told how many steps were made.

        Raises:
            HyperdynError: If the loss or a weight is not finite; the last checkpoint is kept.
        """
        if self.progress.iteration > stage:
            on_step(count)
            return
        if self.progress.iteration < stage:
            self.progress = Progress(iteration=stage)
        on_step(self.progress.updates)
        while self.progress.updates < count:
            step = self.progress.updates
            for group in self._optimiser.param_groups:
                group["lr"] = rate * (1 - step / count)
            value = loss(step)
            self._optimiser.zero_grad()
            value.backward()
            self._require_finite(value)
            self._optimiser.step()
            self.progress.updates += 1
            on_step(1)
            if step % LOG_EVERY == 0:
                self._note(stage, step, value.item())
            if time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                self._save()
        self._save()
        self.progress = Progress(iteration=stage + 1)

    def finish(self) -> None:
        """Remove the checkpoint; what was asked for and the log stay."""
        shutil.rmtree(self._folder / "checkpoint", ignore_errors=True)

    def _save(self) -> None:
        self._require_finite(*self._model.parameters())
        save_checkpoint(self._folder / "checkpoint", self._model, self._optimiser, self.progress)
        self._saved_at = time.monotonic()

    def _require_finite(self, *values: Tensor) -> None:
        if not all(bool(value.isfinite().all()) for value in values):
            raise HyperdynError(
                f"The loss or a weight is not finite at step {self.progress.updates} of stage "
                f"{self.progress.iteration + 1}. What was trained until the last checkpoint is "
                "kept; begin a new run with a lower learning rate."
            )

    def _note(self, stage: int, step: int, loss: float) -> None:
        with (self._folder / METRICS_FILE).open("a") as log:
            log.write(json.dumps({"stage": stage, "step": step, "loss": loss}) + "\n")
