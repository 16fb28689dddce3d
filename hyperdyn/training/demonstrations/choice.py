"""Which expert shows a task: the one that was measured to return more."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import CheckpointError
from hyperdyn.training.demonstrations.collection import CHOICE_FILE, Source, planner_source
from hyperdyn.training.demonstrations.configs import EXPERTS
from hyperdyn.training.demonstrations.recording import make_envs, run_expert
from hyperdyn.training.seeds import seed_for, torch_generator

MEASURED = 4
"""Training specifications of split 0 with an episode each."""


def mean_return(
    task: str, source: Source, steps: int, seed: int, on_step: Callable[[], None] = lambda: None
) -> float:
    """What an expert returns on some training specifications, evenly spaced."""
    grid = GRIDS[task]
    train = grid.ids("train", 0)
    rows = [train[at] for at in np.linspace(0, len(train) - 1, MEASURED).round().astype(int)]
    options = [dict(zip(grid.names, grid.values()[row].tolist(), strict=True)) for row in rows]
    seeds = [seed_for(seed, "evaluate", row) for row in rows]
    envs = make_envs(grid, len(rows))
    generator = torch_generator(seed, "evaluate")
    try:
        shown = run_expert(envs, seeds, options, steps, source.expert(), generator, on_step)
    finally:
        for env in envs:
            env.close()
    return float(np.mean([0.0 if e is None else float(e["rewards"].sum()) for e in shown]))


def choose(
    task: str, policy: Path, out: Path, *, steps: int, seed: int
) -> tuple[str, dict[str, float]]:
    """Measure the planner and a trained policy, once, and say which to take.

    Args:
        task: The task.
        policy: Folder of the policy.
        out: Folder of the demonstrations, where the measurement is kept.
        steps: Of an episode.
        seed: Of starts and plans.

    Returns:
        Name of the better expert, and the mean return of each.

    Raises:
        CheckpointError: If a measurement found there cannot be read.
    """
    file = out / CHOICE_FILE
    if file.exists():
        try:
            found = {name: float(json.loads(file.read_text())[name]) for name in EXPERTS}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{file} cannot be read ({error}); delete it.") from error
    else:
        sources = {"planner": planner_source(task), "sac": Source(policy=policy)}
        found = {name: mean_return(task, sources[name], steps, seed) for name in EXPERTS}
        out.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".writing")
        temporary.write_text(json.dumps(found, indent=2) + "\n")
        temporary.replace(file)
    return max(EXPERTS, key=lambda name: found[name]), found
