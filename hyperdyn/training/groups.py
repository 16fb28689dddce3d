"""A round's episodes in groups: each acts in lockstep, wherever it is collected."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from hyperdyn.generators import build_generator
from hyperdyn.model import DynamicsGenerator
from hyperdyn.planners import Uniform
from hyperdyn.planners.budget import RANDOM, planner_of
from hyperdyn.storage import is_written
from hyperdyn.training.collect import Agent, PlanningAgent, RandomAgent, Reset, run_episodes
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.episodes import Episodes, concatenate
from hyperdyn.training.jobs import Pool
from hyperdyn.training.seeds import seed_for, torch_generator
from hyperdyn.training.tasks import Task, task_for

FOLDER = "collecting"
"""In a run folder: the groups of the round that is being collected."""


def collect_round(
    config: TrainConfig,
    model: DynamicsGenerator,
    iteration: int,
    out: Path,
    pool: Pool | None = None,
    label: str = "",
) -> Episodes:
    """Collect the groups of a round that are missing; each is written down as soon as it ends.

    Args:
        config: The run.
        model: The latest model.
        iteration: The round. The first acts at random, the others plan with the model.
        out: Run folder.
        pool: Where groups are collected; None: here, one after another.
        label: What the progress bar says.

    Returns:
        The round's episodes, in order.
    """
    folders = [out / FOLDER / f"{iteration:04d}-{group:03d}" for group in range(config.groups)]
    found = {
        group: Episodes.load(folder) for group, folder in enumerate(folders) if is_written(folder)
    }
    total = config.steps * config.rollouts
    kept = config.steps * sum(len(episodes) for episodes in found.values())
    with tqdm(total=total, initial=kept, desc=f"{label} collect", leave=False) as bar:
        missing = [group for group in range(config.groups) if group not in found]
        for group, episodes in _collected(config, model, iteration, missing, pool, bar.update):
            episodes.save(folders[group])
            found[group] = episodes
    return concatenate([found[group] for group in range(config.groups)])


def forget_groups(out: Path) -> None:
    """Remove the groups of a round that has been put together."""
    shutil.rmtree(out / FOLDER, ignore_errors=True)


def _collected(
    config: TrainConfig,
    model: DynamicsGenerator,
    iteration: int,
    missing: Sequence[int],
    pool: Pool | None,
    on_step: Callable[[int], object],
) -> Iterator[tuple[int, Episodes]]:
    if pool is None:
        for group in missing:
            yield group, collect_group(config, model, iteration, group, on_step)
        return
    weights = {name: value.cpu() for name, value in model.state_dict().items()}
    device = model.device.type
    jobs = {group: (config, weights, device, iteration, group) for group in missing}
    for group, episodes in pool.run(collect_elsewhere, jobs):
        on_step(config.steps * len(episodes))
        yield group, episodes


def collect_elsewhere(
    config: TrainConfig, weights: Mapping[str, Tensor], device: str, iteration: int, group: int
) -> Episodes:
    """`collect_group` in a process that has no model yet.

    Args:
        config: The run.
        weights: Of the latest model.
        device: Where to plan.
        iteration: The round.
        group: Number of the group.
    """
    torch.set_num_threads(1)  # as in `train`: other sums would have other last bits
    model = build_generator(config.kind, config.model, generator=torch.Generator())
    model.load_state_dict(weights)
    return collect_group(config, model.to(device), iteration, group)


def collect_group(
    config: TrainConfig,
    model: DynamicsGenerator,
    iteration: int,
    group: int,
    on_step: Callable[[int], object] = lambda systems: None,
) -> Episodes:
    """Collect one group of a round's episodes; the same ones in whatever order and process.

    Args:
        config: The run.
        model: The latest model, on the device to plan on.
        iteration: The round.
        group: Number of the group.
        on_step: Called after every step with the number of systems.
    """
    task = task_for(config.env_id)
    stream = (config.seed, "plan", iteration, group)
    agent: Agent = RandomAgent(task.action_dim, torch_generator(*stream))
    if iteration > 0:
        planner = planner_of(config.planner, config.samples, config.horizon)
        proposal = Uniform(hold=config.hold) if config.planner == RANDOM else None
        generator = torch_generator(*stream, device=model.device)
        agent = PlanningAgent(model, planner, task.objective(), generator, proposal)
    resets = [
        Reset(
            seed_for(config.seed, "collect", iteration, row) >> 32,
            _options(task, model, iteration * config.rollouts + row),
        )
        for row in rows_of(config, group)
    ]
    return run_episodes(config.env_id, agent, resets, config.steps, on_step)


def rows_of(config: TrainConfig, group: int) -> range:
    """The numbers, within a round, of a group's episodes: in order, as evenly as can be."""
    first, last = (config.rollouts * number // config.groups for number in (group, group + 1))
    return range(first, last)


def _options(task: Task, model: DynamicsGenerator, episode: int) -> dict[str, Any]:
    """The system of an episode: of the training range, or for experts, of each in turn."""
    if not model.oracle:
        return {"split": task.splits[0]}
    # One more every ten episodes: else those kept for validation would all be one expert's.
    return dict(task.experts[(episode + episode // 10) % len(task.experts)].options)
