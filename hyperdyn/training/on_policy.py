"""The on-policy loop: collect with the latest model, fit, repeat (paper, section 4.2).

A run folder holds

* `run.json`: the configuration, and the versions it ran with;
* `data/NNNN`: the raw episodes of each round;
* `checkpoint`: model, optimiser and progress, rewritten at most every 20 seconds;
* `model`: the generator after the last finished round, which `from_pretrained` reads;
* `metrics.jsonl` and `tensorboard`.

Each round's random numbers come from the seed and the round's number. So a run that was stopped at
any moment and resumed ends with the same weights, bit for bit, as one that was not.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from hyperdyn.generators import build_generator
from hyperdyn.model import DynamicsGenerator
from hyperdyn.planners import RandomShooting, Uniform
from hyperdyn.storage import is_written
from hyperdyn.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from hyperdyn.training.collect import Agent, PlanningAgent, RandomAgent, Reset, run_episodes
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.episodes import Episodes, concatenate
from hyperdyn.training.fitting import (
    Schedule,
    final_schedule,
    fit_round,
    make_optimiser,
    round_schedule,
)
from hyperdyn.training.metrics import Metrics, read_metrics
from hyperdyn.training.run_folder import open_run
from hyperdyn.training.seeds import seed_for, torch_generator
from hyperdyn.training.tasks import Task, task_for
from hyperdyn.training.windows import fit_normaliser

RUN_FILE = "run.json"


def train(config: TrainConfig, out: Path, *, resume: bool = False) -> None:
    """Run or resume a training run.

    Args:
        config: What to run.
        out: Run folder.
        resume: Continue the run in `out`; without it `out` must not exist or be empty.

    Raises:
        CheckpointError: If `out` holds a run and `resume` is false, holds another configuration or
            version, or cannot be written.
    """
    open_run(config, out, resume=resume)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order would give other last bits
    try:
        _run(config, out)
    finally:
        torch.set_num_threads(threads)


def _run(config: TrainConfig, out: Path) -> None:
    model = build_generator(
        config.kind, config.model, generator=torch_generator(config.seed, "model")
    )
    optimiser = make_optimiser(model, config)
    progress = Progress()
    checkpoint = out / "checkpoint"
    if is_written(checkpoint):
        progress = load_checkpoint(checkpoint, model, optimiser)
    # Fewer than the rounds made so far, if training stopped early.
    folders = sorted((out / "data").glob("[0-9]*"))[: progress.iteration]
    data = [Episodes.load(folder) for folder in folders]
    metrics = Metrics(out, progress.iteration)
    try:
        while True:
            if progress.iteration < config.iterations and _return_fell(config, out):
                progress = Progress(iteration=config.iterations)
            if progress.iteration < config.iterations:
                row = _round(config, out, model, optimiser, progress, data)
            elif progress.iteration == config.iterations and config.final_updates:
                row = _final_fit(config, out, model, optimiser, progress, data)
            else:
                break
            metrics.write(progress.iteration, row)
            model.save(out / "model")
            progress = Progress(iteration=progress.iteration + 1)
            save_checkpoint(checkpoint, model, optimiser, progress)
    finally:
        metrics.close()


def _round(
    config: TrainConfig,
    out: Path,
    model: DynamicsGenerator,
    optimiser: torch.optim.Adam,
    progress: Progress,
    data: list[Episodes],
) -> dict[str, float | None]:
    """Collect, then fit."""
    start = time.perf_counter()
    folder = out / "data" / f"{progress.iteration:04d}"
    label = f"round {progress.iteration + 1}/{config.iterations}"
    if is_written(folder):
        episodes = Episodes.load(folder)
    else:
        episodes = _collect(config, model, progress.iteration, label)
        episodes.save(folder)
    data.append(episodes)
    collected = time.perf_counter()
    if not bool(model.normaliser.fitted):
        generator = torch_generator(config.seed, "normaliser")
        fit_normaliser(model, episodes, generator)
    capped = _capped(config, concatenate(data), progress.iteration)
    schedule = round_schedule(config, progress.iteration)
    fitted = _fit(config, out, model, optimiser, progress, schedule, capped, label)
    mean = float(episodes.returns.mean())
    tqdm.write(
        f"{label}: return {mean:.1f} ± {float(episodes.returns.std()):.1f}, loss "
        f"{progress.training_loss:.4f}, validation {progress.validation_loss:.4f}, "
        f"{time.perf_counter() - start:.1f} s"
    )
    return {
        "return_mean": mean,
        "return_std": float(episodes.returns.std()),
        "diverged": int((episodes.lengths < config.steps).sum()),
        "collect_seconds": collected - start,
        **fitted,
    }


def _final_fit(
    config: TrainConfig,
    out: Path,
    model: DynamicsGenerator,
    optimiser: torch.optim.Adam,
    progress: Progress,
    data: list[Episodes],
) -> dict[str, float | None]:
    """Fit once more, to all that was collected."""
    everything = concatenate(data)
    numbered = list(range(len(everything)))
    schedule = final_schedule(config)
    return _fit(
        config, out, model, optimiser, progress, schedule, (everything, numbered), "last fit"
    )


def _fit(
    config: TrainConfig,
    out: Path,
    model: DynamicsGenerator,
    optimiser: torch.optim.Adam,
    progress: Progress,
    schedule: Schedule,
    chosen: tuple[Episodes, list[int]],
    label: str,
) -> dict[str, float | None]:
    start = time.perf_counter()
    training, validation = _split(config, *chosen)
    with tqdm(
        total=schedule.updates, initial=progress.updates, desc=f"{label} fit", leave=False
    ) as bar:
        fit_round(
            model,
            optimiser,
            config,
            schedule,
            training,
            validation,
            progress,
            save=lambda: save_checkpoint(out / "checkpoint", model, optimiser, progress),
            on_updates=bar.update,
        )
    return {
        "training_loss": progress.training_loss,
        "validation_loss": progress.validation_loss,
        "epochs": progress.epoch,
        "updates": progress.updates,
        "fit_seconds": time.perf_counter() - start,
    }


def _collect(config: TrainConfig, model: DynamicsGenerator, iteration: int, label: str) -> Episodes:
    """The first round acts at random, the others plan with the latest model."""
    task = task_for(config.env_id)
    generator = torch_generator(config.seed, "plan", iteration)
    agent: Agent = RandomAgent(task.action_dim, generator)
    if iteration > 0:
        planner = RandomShooting(horizon=config.horizon, samples=config.samples)
        proposal = Uniform(hold=config.hold)
        agent = PlanningAgent(model, planner, task.objective(), generator, proposal)
    resets = [
        Reset(
            seed_for(config.seed, "collect", iteration, row) >> 32,
            _options(task, model, iteration * config.rollouts + row),
        )
        for row in range(config.rollouts)
    ]
    with tqdm(total=config.steps * config.rollouts, desc=f"{label} collect", leave=False) as bar:
        return run_episodes(config.env_id, agent, resets, config.steps, bar.update)


def _options(task: Task, model: DynamicsGenerator, episode: int) -> dict[str, Any]:
    """The system of an episode: of the training range, or for experts, of each in turn."""
    if not model.oracle:
        return {"split": task.splits[0]}
    # One more every ten episodes: else those kept for validation would all be one expert's.
    return dict(task.experts[(episode + episode // 10) % len(task.experts)].options)


def _capped(config: TrainConfig, episodes: Episodes, iteration: int) -> tuple[Episodes, list[int]]:
    """All data so far, and the numbers of whole episodes drawn up to `max_steps`."""
    generator = torch_generator(config.seed, "subset", iteration)
    kept, steps = [], 0
    for row in torch.randperm(len(episodes), generator=generator).tolist():
        if steps + int(episodes.lengths[row]) > config.max_steps:
            break
        kept.append(row)
        steps += int(episodes.lengths[row])
    return episodes, kept


def _split(config: TrainConfig, episodes: Episodes, rows: list[int]) -> tuple[Episodes, Episodes]:
    """Training and validation parts of the numbered episodes.

    Whether an episode is for validation depends on its own number alone, so it never changes sides.
    """
    every = max(2, round(1 / config.validation_share))
    training = sorted(row for row in rows if row % every != every - 1)
    validation = sorted(row for row in rows if row % every == every - 1)
    if not validation or not training:
        training, validation = rows[1:] or rows, rows[:1]
    return episodes[training], episodes[validation]


def _return_fell(config: TrainConfig, out: Path) -> bool:
    """Whether the rolling mean of returns has decreased."""
    window = config.stop_window
    returns = [row["return_mean"] for row in read_metrics(out) if "return_mean" in row]
    if window is None or len(returns) < 2 * window:
        return False
    return float(np.mean(returns[-window:])) < float(np.mean(returns[-2 * window : -window]))
