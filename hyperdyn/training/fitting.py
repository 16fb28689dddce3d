"""Fitting a generator to recorded episodes, pass by pass."""

import time
from collections.abc import Callable

import torch

from hyperdyn.model import DynamicsGenerator
from hyperdyn.training.checkpoints import Progress
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.windows import WindowSampler, window_loss

CHECKPOINT_SECONDS = 20.0
VALIDATION_WINDOWS = 256


def make_optimiser(model: DynamicsGenerator, config: TrainConfig) -> torch.optim.Adam:
    """Adam (paper, section 4.2)."""
    return torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)


def learning_rate(config: TrainConfig, iteration: int) -> float:
    """Constant, then on a line to a tenth in the last `decay_iterations` rounds."""
    into_decay = iteration + 1 - (config.iterations - config.decay_iterations)
    share = max(0, into_decay) / max(1, config.decay_iterations)
    return config.learning_rate * (1 - 0.9 * share)


def fit_round(
    model: DynamicsGenerator,
    optimiser: torch.optim.Adam,
    config: TrainConfig,
    training: Episodes,
    validation: Episodes,
    progress: Progress,
    save: Callable[[], None],
    on_epoch: Callable[[], None] = lambda: None,
) -> None:
    """Make the passes of one round that are still missing, updating `progress` as they are made.

    Args:
        model: Fitted in place.
        optimiser: Its optimiser.
        config: Batch sizes, learning rate and when to stop.
        training: Episodes to fit.
        validation: Episodes kept out, for early stopping.
        progress: Where the round stands.
        save: Writes a checkpoint; called between passes, at most every 20 seconds.
        on_epoch: Called after each pass.
    """
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(config, progress.iteration)
    sampler = WindowSampler(training, config.model.history_length, config.targets)
    held_out = WindowSampler(validation, config.model.history_length, config.targets)
    places = torch.linspace(0, len(held_out) - 1, VALIDATION_WINDOWS).long()
    saved_at = time.monotonic()
    while progress.epoch < config.epochs and not progress.fitting_done:
        generator = torch_generator(config.seed, "batches", progress.iteration, progress.epoch)
        total, batches = torch.zeros(()), 0
        for windows in sampler.epoch(config.contexts, generator):
            loss = window_loss(model, windows, config.unroll)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.detach()
            batches += 1
        with torch.no_grad():
            current = window_loss(model, held_out[places], config.unroll).item()
        progress.training_loss = total.item() / batches
        progress.epoch += 1
        progress.updates += batches
        exhausted = config.updates is not None and progress.updates >= config.updates
        progress.fitting_done = (
            _note_validation(progress, current, config.validation_decay) or exhausted
        )
        on_epoch()
        if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            save()
            saved_at = time.monotonic()


def _note_validation(progress: Progress, current: float, decay: float) -> bool:
    """Update the moving average; say whether the validation loss is above it, so the round is over.

    The average starts half as high again as the first value, so a round makes a few passes at least
    (Nagabandi et al., 2019, released code).
    """
    previous = progress.smoothed_validation
    if previous is None:
        previous = 1.5 * current
    progress.validation_loss = current
    progress.smoothed_validation = decay * previous + (1 - decay) * current
    return current > progress.smoothed_validation
