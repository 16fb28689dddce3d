"""Fitting a generator to recorded episodes, pass by pass."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from hyperdyn.errors import HyperdynError
from hyperdyn.model import DynamicsGenerator
from hyperdyn.training.checkpoints import Progress
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.denormals import denormals_flushed
from hyperdyn.training.distributed import Team
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.gradients import clip_gradients
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.tasks import task_for
from hyperdyn.training.windows import WindowSampler, masked, training_loss, window_loss

CHECKPOINT_SECONDS = 20.0
VALIDATION_WINDOWS = 256


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How one round is fitted."""

    epochs: int | None
    """Passes over the data at most; None for no limit but `updates`."""
    updates: int | None
    """Optimiser steps after which no further pass begins; None for no limit but `epochs`."""
    targets: int
    """M, transitions a window."""
    unroll: int
    """Steps predicted open loop."""
    rate: Callable[[int], float]
    """Learning rate of a pass, from the optimiser steps already made in this round."""
    stops_early: bool
    """Whether the passes end when the validation loss exceeds its moving average."""


def round_schedule(config: TrainConfig, iteration: int) -> Schedule:
    """The schedule of an on-policy round.

    The learning rate is constant, then falls on a line to a tenth in the last `decay_iterations`.
    """
    into_decay = iteration + 1 - (config.iterations - config.decay_iterations)
    share = max(0, into_decay) / max(1, config.decay_iterations)
    return Schedule(
        epochs=config.epochs,
        updates=config.updates,
        targets=config.targets,
        unroll=config.unroll,
        rate=lambda updates: config.learning_rate * (1 - 0.9 * share),
        stops_early=True,
    )


def final_schedule(config: TrainConfig) -> Schedule:
    """The schedule of the fit to all data: the learning rate falls on a line to zero."""
    return Schedule(
        epochs=None,
        updates=config.final_updates,
        targets=config.final_targets,
        unroll=config.final_unroll,
        rate=lambda updates: config.learning_rate * (1 - updates / config.final_updates),
        stops_early=False,
    )


def make_optimiser(model: DynamicsGenerator, config: TrainConfig) -> torch.optim.Adam:
    """Adam (paper, section 4.2)."""
    return torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)


@denormals_flushed()
def fit_round(
    model: DynamicsGenerator,
    optimiser: torch.optim.Adam,
    config: TrainConfig,
    schedule: Schedule,
    training: Episodes,
    validation: Episodes,
    progress: Progress,
    save: Callable[[], None],
    on_updates: Callable[[int], object] = lambda updates: None,
    team: Team | None = None,
) -> None:
    """Make the passes of one round that are still missing, updating `progress` as they are made.

    Args:
        model: Fitted in place, on its device.
        optimiser: Its optimiser.
        config: Seed, batch size and smoothing.
        schedule: Windows, learning rate and when to stop.
        training: Episodes to fit.
        validation: Episodes kept out, for early stopping.
        progress: Where the round stands.
        save: Writes a checkpoint; called between passes, at most every 20 seconds.
        on_updates: Called after each pass with the optimiser steps it took.
        team: The processes that fit this model together, each of which calls this; None: this one
            alone.
    """
    team = Team() if team is None else team
    device = model.device
    sampler, held_out = (
        WindowSampler(
            episodes.to(device),
            config.model.history_length,
            schedule.targets,
            task_for(config.env_id).truths(episodes).to(device) if model.oracle else None,
        )
        for episodes in (training, validation)
    )
    places = torch.linspace(0, len(held_out) - 1, VALIDATION_WINDOWS).long()
    saved_at = time.monotonic()
    while not progress.fitting_done:
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate(progress.updates)
        generator = torch_generator(config.seed, "batches", progress.iteration, progress.epoch)
        total, batches = torch.zeros((), device=device), 0
        for windows in sampler.epoch(config.contexts, generator):
            if config.hidden_share:
                windows = masked(model, windows, config.hidden_share, generator)
            own = team.share(windows)
            loss = training_loss(model, own, schedule.unroll)
            model.zero_grad()
            loss.backward()
            team.join_gradients(model, len(own.states) / config.contexts)
            if not math.isfinite(clip_gradients(model.parameters(), config.gradient_norm)):
                raise HyperdynError(
                    f"The loss or its gradient is not finite in pass {progress.epoch + 1} of round "
                    f"{progress.iteration + 1}. What was fitted until the last checkpoint is kept; "
                    "train with a lower learning_rate or gradient_norm, or fewer unrolled steps."
                )
            optimiser.step()
            total += loss.detach()
            batches += 1
        with torch.no_grad():
            current = team.agree(window_loss(model, held_out[places], schedule.unroll).item())
        progress.training_loss = team.agree(total.item() / batches)
        progress.epoch += 1
        progress.updates += batches
        rose = _note_validation(progress, current, config.validation_decay)
        progress.fitting_done = (
            (rose and schedule.stops_early)
            or (schedule.epochs is not None and progress.epoch >= schedule.epochs)
            or (schedule.updates is not None and progress.updates >= schedule.updates)
        )
        on_updates(batches)
        if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            save()
            saved_at = time.monotonic()


def _note_validation(progress: Progress, current: float, decay: float) -> bool:
    """Update the moving average; say whether the validation loss is above it.

    The average starts half as high again as the first value, so a round makes a few passes at least
    (Nagabandi et al., 2019, released code).
    """
    previous = progress.smoothed_validation
    if previous is None:
        previous = 1.5 * current
    progress.validation_loss = current
    progress.smoothed_validation = decay * previous + (1 - decay) * current
    return current > progress.smoothed_validation
