"""The on-policy loop: collect with the latest model, fit, repeat (paper, section 4.2).

A run folder holds

* `run.json`: the configuration, and the versions it ran with;
* `data/NNNN`: the raw episodes of each round;
* `collecting`: those groups of the round in progress that are finished;
* `checkpoint`: model, optimiser and progress, rewritten at most every 20 seconds;
* `model`: the generator after the last finished round, which `from_pretrained` reads;
* `metrics.jsonl` and `tensorboard`.

Each group's random numbers come from the seed and the numbers of round and group. So a run that was
stopped at any moment and resumed ends with the same weights, bit for bit, as one that was not, and
so does one whose groups were collected by other processes (on processors and GPUs of one kind).
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from hyperdyn.errors import InputError
from hyperdyn.generators import build_generator
from hyperdyn.model import DynamicsGenerator
from hyperdyn.storage import is_written
from hyperdyn.threads import intra_op_threads
from hyperdyn.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.distributed import Team, open_team
from hyperdyn.training.episodes import Episodes, concatenate
from hyperdyn.training.fitting import (
    Schedule,
    final_schedule,
    fit_round,
    make_optimiser,
    round_schedule,
)
from hyperdyn.training.groups import collect_round, forget_groups
from hyperdyn.training.jobs import Pool, Where, open_pool
from hyperdyn.training.metrics import Metrics, read_metrics
from hyperdyn.training.run_folder import FINISHED, open_run
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.windows import fit_normaliser

HERE = Where()


def train(config: TrainConfig, out: Path, *, resume: bool = False, where: Where = HERE) -> None:
    """Run or resume a training run.

    Args:
        config: What to run.
        out: Run folder.
        resume: Continue the run in `out`; without it `out` must not exist or be empty.
        where: What to compute with.

    Raises:
        CheckpointError: If `out` holds a run and `resume` is false, holds another configuration or
            version, or cannot be written.
        InputError: If what is to be computed with is not there, or the run cannot be shared out.
        HyperdynError: If the processes that collect keep getting lost.
    """
    require_shares(config, where)
    # On one thread: sums in another order would give other last bits.
    with intra_op_threads(1), open_team(where.device) as team:
        team.require_batches(config.contexts)
        if team.leads:
            open_run(config, out, resume=resume)
        with open_pool(where if team.leads else HERE) as pool:
            _run(config, out, team, pool)


def require_shares(config: TrainConfig, where: Where) -> None:
    """Refuse more processes than there are groups to collect.

    Raises:
        InputError: Saying how to have more groups.
    """
    wanted = max(2, where.workers)
    if where.shares_out and config.groups < wanted:
        raise InputError(
            f"To be shared out, the rounds of this run want at least {wanted} groups of episodes; "
            f"it has {config.groups}. Collect without workers or with fewer, or begin a run with "
            f"more groups (--groups, up to {config.rollouts}); its random numbers are others."
        )


@dataclass(kw_only=True)
class _Run:
    """A run under way, in one of the processes that fit its model."""

    config: TrainConfig
    out: Path
    model: DynamicsGenerator
    optimiser: torch.optim.Adam
    progress: Progress
    data: list[Episodes]
    team: Team
    pool: Pool | None

    def save_checkpoint(self) -> None:
        if self.team.leads:
            folder = self.out / "checkpoint"
            save_checkpoint(folder, self.model, self.optimiser, self.progress)


def _run(config: TrainConfig, out: Path, team: Team, pool: Pool | None) -> None:
    generator = torch_generator(config.seed, "model")
    model = build_generator(config.kind, config.model, generator=generator).to(team.device)
    optimiser = make_optimiser(model, config)
    progress = Progress()
    team.wait()
    if is_written(out / "checkpoint"):
        progress = load_checkpoint(out / "checkpoint", model, optimiser)
    # Fewer than the rounds made so far, if training stopped early.
    folders = sorted((out / "data").glob("[0-9]*"))[: progress.iteration]
    run = _Run(
        config=config,
        out=out,
        model=model,
        optimiser=optimiser,
        progress=progress,
        data=[Episodes.load(folder) for folder in folders],
        team=team,
        pool=pool,
    )
    metrics = Metrics(out, progress.iteration) if team.leads else None
    try:
        while True:
            team.wait()  # for what the first process wrote
            if run.progress.iteration < config.iterations and _return_fell(config, out):
                run.progress = Progress(iteration=config.iterations)
            if run.progress.iteration < config.iterations:
                row = _round(run)
            elif run.progress.iteration == config.iterations and config.final_updates:
                row = _final_fit(run)
            else:
                break
            if metrics is not None:
                metrics.write(run.progress.iteration, row)
                model.save(out / "model")
            run.progress = Progress(iteration=run.progress.iteration + 1)
            run.save_checkpoint()
        if team.leads:
            (out / FINISHED).touch()
    finally:
        if metrics is not None:
            metrics.close()


def _round(run: _Run) -> dict[str, float | None]:
    """Collect, then fit."""
    start = time.perf_counter()
    config, iteration = run.config, run.progress.iteration
    label = f"round {iteration + 1}/{config.iterations}"
    episodes = _collect(run, label)
    run.data.append(episodes)
    collected = time.perf_counter()
    if not bool(run.model.normaliser.fitted):
        generator = torch_generator(config.seed, "normaliser")
        fit_normaliser(run.model, episodes, generator)
    capped = _capped(config, concatenate(run.data), iteration)
    fitted = _fit(run, round_schedule(config, iteration), capped, label)
    mean = float(episodes.returns.mean())
    if run.team.leads:
        tqdm.write(
            f"{label}: return {mean:.1f} ± {float(episodes.returns.std()):.1f}, loss "
            f"{run.progress.training_loss:.4f}, validation {run.progress.validation_loss:.4f}, "
            f"{time.perf_counter() - start:.1f} s"
        )
    return {
        "return_mean": mean,
        "return_std": float(episodes.returns.std()),
        "diverged": int((episodes.lengths < config.steps).sum()),
        "collect_seconds": collected - start,
        **fitted,
    }


def _collect(run: _Run, label: str) -> Episodes:
    """The episodes of the round in progress; the first process collects what is missing."""
    folder = run.out / "data" / f"{run.progress.iteration:04d}"
    if run.team.leads:
        if not is_written(folder):
            iteration = run.progress.iteration
            episodes = collect_round(run.config, run.model, iteration, run.out, run.pool, label)
            episodes.save(folder)
        forget_groups(run.out)
    run.team.wait()
    return Episodes.load(folder)


def _final_fit(run: _Run) -> dict[str, float | None]:
    """Fit once more, to all that was collected."""
    everything = concatenate(run.data)
    numbered = list(range(len(everything)))
    return _fit(run, final_schedule(run.config), (everything, numbered), "last fit")


def _fit(
    run: _Run, schedule: Schedule, chosen: tuple[Episodes, list[int]], label: str
) -> dict[str, float | None]:
    start = time.perf_counter()
    progress = run.progress
    training, validation = _split(run.config, *chosen)
    with tqdm(
        total=schedule.updates,
        initial=progress.updates,
        desc=f"{label} fit",
        leave=False,
        disable=not run.team.leads,
    ) as bar:
        fit_round(
            run.model,
            run.optimiser,
            run.config,
            schedule,
            training,
            validation,
            progress,
            save=run.save_checkpoint,
            on_updates=bar.update,
            team=run.team,
        )
    return {
        "training_loss": progress.training_loss,
        "validation_loss": progress.validation_loss,
        "epochs": progress.epoch,
        "updates": progress.updates,
        "fit_seconds": time.perf_counter() - start,
    }


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
