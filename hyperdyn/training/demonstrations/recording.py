"""Recording an expert: the episodes of one specification, all in lockstep."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperdyn.envs import make
from hyperdyn.envs.suite.base import SuiteEnv
from hyperdyn.envs.suite.grids import GRIDS, Grid
from hyperdyn.errors import HyperdynError
from hyperdyn.storage import write_folder
from hyperdyn.training.demonstrations.configs import DemonstrationConfig
from hyperdyn.training.demonstrations.dataset import KIND, TENSORS, shard_folder
from hyperdyn.training.demonstrations.experts import Expert
from hyperdyn.training.seeds import seed_for, torch_generator

ATTEMPTS = 10


def record_specification(
    config: DemonstrationConfig,
    row: int,
    expert: Expert,
    on_step: Callable[[], None] = lambda: None,
) -> tuple[dict[str, Tensor], list[int]]:
    """Show one specification.

    An episode whose simulation diverges is begun anew from another start. All numbers follow from
    `config`, `row` and the expert.

    Args:
        config: What to show.
        row: The specification's id.
        expert: Who shows it.
        on_step: Called after every step, for progress.

    Returns:
        Tensors as `Demonstrations` has them for one specification, and the attempts that each
        episode took.

    Raises:
        HyperdynError: If an episode diverged time and again.
    """
    grid = GRIDS[config.task]
    options = dict(zip(grid.names, grid.values()[row].tolist(), strict=True))
    envs = make_envs(grid, config.trajectories)
    kept: list[dict[str, Tensor] | None] = [None] * config.trajectories
    attempts = [0] * config.trajectories
    try:
        for attempt in range(ATTEMPTS):
            open_rows = [number for number, found in enumerate(kept) if found is None]
            if not open_rows:
                break
            group = [envs[number] for number in open_rows]
            seeds = [
                seed_for(config.seed, "demonstrate", row, number, attempt) for number in open_rows
            ]
            generator = torch_generator(config.seed, "plan", row, attempt)
            shown = run_expert(
                group, seeds, [options] * len(group), config.steps, expert, generator, on_step
            )
            for number, found in zip(open_rows, shown, strict=True):
                kept[number] = found
                attempts[number] = attempt + 1
    finally:
        for env in envs:
            env.close()
    whole = [found for found in kept if found is not None]
    if len(whole) < config.trajectories:
        raise HyperdynError(
            f"{config.task}, specification {row} ({options}): the simulation diverged in "
            f"{ATTEMPTS} attempts on one episode. Use another --seed, or leave it out with --ids."
        )
    return {name: torch.stack([found[name] for found in whole]) for name in TENSORS}, attempts


def write_specification(
    folder: Path,
    config: DemonstrationConfig,
    row: int,
    recorded: dict[str, Tensor],
    tries: list[int],
) -> None:
    """Write the shard of one specification in one step.

    Raises:
        CheckpointError: If it cannot be written.
    """
    grid = GRIDS[config.task]
    header = {
        "id": row,
        "specification": dict(zip(grid.names, grid.values()[row].tolist(), strict=True)),
        "returns": recorded["rewards"].double().sum(1).tolist(),
        "attempts": tries,
    }
    write_folder(shard_folder(folder, row), KIND, header, recorded)


def make_envs(grid: Grid, count: int) -> list[SuiteEnv]:
    """Environments of a task, unwrapped."""
    envs: list[Any] = [make(grid.env_id).unwrapped for _ in range(count)]
    return envs


def run_expert(
    envs: Sequence[SuiteEnv],
    seeds: Sequence[int],
    options: Sequence[dict[str, float]],
    steps: int,
    expert: Expert,
    generator: torch.Generator,
    on_step: Callable[[], None] = lambda: None,
) -> list[dict[str, Tensor] | None]:
    """Run an episode in each environment, all in lockstep.

    Args:
        envs: Where to.
        seeds: Of each start.
        options: Specification of each.
        steps: Of an episode.
        expert: Who acts.
        generator: Of the expert's random numbers.
        on_step: Called after every step.

    Returns:
        For each episode what was seen [T, O], done [T, A] and gained [T]; None if it diverged.
    """
    begun = zip(envs, seeds, options, strict=True)
    seen = [env.reset(seed=seed, options=dict(option))[0] for env, seed, option in begun]
    expert.begin(envs, generator)
    sound = [True] * len(envs)
    observations, actions, rewards = [], [], []
    for _ in range(steps):
        now = torch.from_numpy(np.stack(seen)).float()
        chosen = expert.act(now).clamp(-1.0, 1.0)
        gained = torch.zeros(len(envs))
        for number, env in enumerate(envs):
            if sound[number]:
                seen[number], reward, diverged, _, _ = env.step(chosen[number].numpy())
                gained[number] = reward
                sound[number] = not diverged
        observations.append(now)
        actions.append(chosen.clone())
        rewards.append(gained)
        on_step()
    shown = (torch.stack(parts, dim=1) for parts in (observations, actions, rewards))
    columns = dict(zip(TENSORS, shown, strict=True))
    return [
        {name: tensor[number] for name, tensor in columns.items()} if sound[number] else None
        for number in range(len(envs))
    ]
