"""A policy generator in minutes, from the planner's demonstrations: to look at, not to compare."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.training.demonstrations.collection import collect, planner_source
from hyperdyn.training.demonstrations.configs import DemonstrationConfig
from hyperdyn.training.policies.configs import policy_run
from hyperdyn.training.policies.training import train_policy

SPLIT = 0
DEMONSTRATIONS, RUN = "demonstrations", "policy"


@dataclass(frozen=True, kw_only=True)
class QuickTraining:
    """Episodes that are shorter than the task's, of training specifications alone."""

    trajectories: int = 3
    """Episodes of each training specification."""
    episode_steps: int = 300
    kind: str = "hyperzero"
    """Method."""
    steps: int = 3000
    """Optimiser steps."""
    seed: int = 0


def train_quickly(
    task: str,
    out: Path,
    training: QuickTraining,
    *,
    workers: int,
    on_episodes: Callable[[int], None] = lambda count: None,
    on_step: Callable[[int], object] = lambda count: None,
) -> Path:
    """Demonstrate and clone; what is there already stays.

    Args:
        task: Such as "finger-speed".
        out: Gets a folder of demonstrations and a run folder.
        training: How much of each.
        workers: Processes that demonstrate.
        on_episodes: Told how many episodes were shown.
        on_step: Told how many optimiser steps were made.

    Returns:
        The run folder.

    Raises:
        CheckpointError: If `out` holds something else.
    """
    config = DemonstrationConfig(
        task=task,
        expert="planner",
        trajectories=training.trajectories,
        steps=training.episode_steps,
        ids=GRIDS[task].ids("train", SPLIT),
        seed=training.seed,
    )
    shown = collect(
        config,
        planner_source(task),
        out / DEMONSTRATIONS,
        workers=workers,
        on_episodes=on_episodes,
    )
    run = policy_run(training.kind, shown, split=SPLIT, seed=training.seed, steps=training.steps)
    train_policy(run, out / RUN, shown, resume=True, on_step=on_step)
    return out / RUN
