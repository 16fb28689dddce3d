"""Evaluating a generator by planning with it: returns with an interval, and what they cost."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hyperdyn.errors import CheckpointError, InputError, require_known
from hyperdyn.model import DynamicsGenerator
from hyperdyn.planners import Planner, Proposal
from hyperdyn.training.collect import (
    Agent,
    OracleAgent,
    PlanningAgent,
    RandomAgent,
    Reset,
    Simulator,
    planning_agent,
    run_episodes,
)
from hyperdyn.training.episodes import Episodes, concatenate
from hyperdyn.training.seeds import seed_for, torch_generator
from hyperdyn.training.statistics import interquartile_mean, interval
from hyperdyn.training.tasks import Task, task_for

LOCKSTEP = 10
"""Episodes run at once."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Returns of one model on one split."""

    returns: tuple[float, ...]
    """Undiscounted return of each episode, in the order of the episode numbers."""
    iqm: float
    """Interquartile mean of the returns."""
    ci95: tuple[float, float]
    """95 % bootstrap interval of the interquartile mean."""
    mean: float
    std: float | None
    """Sample standard deviation; None for one episode."""
    plans_per_second: float | None
    """Generate-and-plan calls a second, one a system and step; None for random actions."""
    statuses: dict[str, int]
    """How plans ended, by status."""
    diverged: int
    """Episodes the simulator could not finish."""
    setting: dict[str, Any]
    """What was run."""

    def write(self, path: Path) -> None:
        """Write as JSON.

        Raises:
            CheckpointError: If the file cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(asdict(self), indent=2) + "\n")
        except OSError as error:
            raise CheckpointError(f"Could not write {path}: {error}. Name another file.") from error


def resets_for(task: Task, split: str, episodes: int, seed: int) -> list[Reset]:
    """How the episodes of an evaluation begin: by number, so every model meets the same ones.

    The stream is not the one training draws from, so no training episode is ever evaluated.

    Raises:
        UnknownNameError: If the environment has no such split.
        InputError: If there are no episodes.
    """
    require_known("split", split, task.splits)
    if episodes < 1:
        raise InputError(f"Got {episodes} episodes; ask for at least one.")
    number = task.splits.index(split)
    return [
        Reset(seed_for(seed, "evaluate", number, index) >> 32, {"split": split})
        for index in range(episodes)
    ]


def evaluate(
    model: DynamicsGenerator | Simulator | None,
    env_id: str,
    split: str,
    *,
    episodes: int,
    seed: int,
    planner: Planner[Any],
    proposal: Proposal | None = None,
    name: str = "",
    progress: bool = True,
) -> tuple[Evaluation, Episodes]:
    """Run episodes of one split and summarise them.

    Args:
        model: Generates the dynamics, on the device where plans are made; "simulator" plans with
            the environments' own (an oracle, which sees what is hidden and plans from the first
            step); None acts at random.
        env_id: A registered environment with a task record.
        split: One of the task's splits.
        episodes: Number of episodes.
        seed: Seeds terrains, initial states and planning.
        planner: Plans with the models.
        proposal: Where candidates come from; the planner's own unless given.
        name: What to call the model in the setting.
        progress: Whether to show a bar.

    Returns:
        The summary and the recorded episodes.

    Raises:
        UnknownNameError: For an unknown environment or split.
        InputError: If the model's state or action width is not the environment's.
    """
    task = task_for(env_id)
    resets = resets_for(task, split, episodes, seed)
    if isinstance(model, DynamicsGenerator):
        _check_widths(model, task)
    device = model.device if isinstance(model, DynamicsGenerator) else "cpu"
    parts, plans, seconds = [], 0, 0.0
    statuses: dict[str, int] = {}
    with tqdm(
        total=episodes * task.episode_steps, desc=f"{name} {split}", disable=not progress
    ) as bar:
        for batch in range(0, episodes, LOCKSTEP):
            stream = (seed, "plan", task.splits.index(split), batch)
            generator = torch_generator(*stream, device=device)
            agent: Agent = RandomAgent(task.action_dim, generator)
            if model is not None:
                agent = planning_agent(model, planner, task.objective(), generator, proposal)
            chunk = resets[batch : batch + LOCKSTEP]
            parts.append(run_episodes(env_id, agent, chunk, task.episode_steps, bar.update))
            if isinstance(agent, PlanningAgent | OracleAgent):
                plans += agent.plans
                seconds += agent.plan_seconds
                for status, count in agent.controller.status_counts.items():
                    statuses[status.name] = statuses.get(status.name, 0) + count
    recorded = concatenate(parts)
    returns = recorded.returns.numpy()
    setting = {
        "model": name,
        "kind": model.kind if isinstance(model, DynamicsGenerator) else model or "random",
        "env": env_id,
        "split": split,
        "episodes": episodes,
        "seed": seed,
        "steps": task.episode_steps,
        "device": str(device),
        "planner": None if model is None else {"name": type(planner).__name__, **asdict(planner)},
        "proposal": None if proposal is None else repr(proposal),
    }
    summary = Evaluation(
        returns=tuple(float(value) for value in returns),
        iqm=float(interquartile_mean(returns)),
        ci95=interval([returns.tolist()]),
        mean=float(returns.mean()),
        std=float(np.std(returns, ddof=1)) if episodes > 1 else None,
        plans_per_second=plans / seconds if plans else None,
        statuses=statuses,
        diverged=int((recorded.lengths < task.episode_steps).sum()),
        setting=setting,
    )
    return summary, recorded


def _check_widths(model: DynamicsGenerator, task: Task) -> None:
    found = (model.state_space.dim, model.action_dim)
    wanted = (task.state_space.dim, task.action_dim)
    if found != wanted:
        raise InputError(
            f"The model has S = {found[0]}, A = {found[1]}; {task.env_id} has S = {wanted[0]}, "
            f"A = {wanted[1]}. Choose a model trained for this robot."
        )
