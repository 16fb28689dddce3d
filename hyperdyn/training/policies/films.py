"""Episodes of the suite's tasks, filmed."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hyperdyn.envs import make
from hyperdyn.envs.suite.base import SuiteEnv
from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import HyperdynError
from hyperdyn.training.demonstrations.experts import Expert
from hyperdyn.training.demonstrations.recording import run_expert
from hyperdyn.training.seeds import seed_for, torch_generator


@dataclass(kw_only=True)
class Film:
    """One episode of one way of acting."""

    rewards: list[float]
    """Of every step."""
    pictures: list[UInt8[np.ndarray, "height width 3"]] = field(default_factory=list)
    """After some of the steps."""
    returns: list[float] = field(default_factory=list)
    """Sum of the rewards up to each picture."""


def film(
    task: str,
    options: dict[str, float],
    expert: Expert,
    *,
    steps: int,
    taken: Collection[int],
    seed: int,
) -> Film:
    """Run an episode and take pictures of it.

    Args:
        task: Such as "finger-speed".
        options: Its specification.
        expert: Who acts.
        steps: Of the episode.
        taken: Steps, counted from 1, after which pictures are taken.
        seed: Of the beginning and of plans: the same for all that are to be compared.

    Raises:
        HyperdynError: If the simulation diverged.
        RenderingUnavailableError: If there is no off-screen OpenGL on this machine.
    """
    made: Any = make(GRIDS[task].env_id, render_mode="rgb_array").unwrapped
    env: SuiteEnv = made
    pictures: list[UInt8[np.ndarray, "height width 3"]] = []
    count = 0

    def look() -> None:
        nonlocal count
        count += 1
        if count in taken:
            pictures.append(np.asarray(env.render()))

    begun, generator = seed_for(seed, "evaluate"), torch_generator(seed, "plan")
    (found,) = run_expert([env], [begun], [options], steps, expert, generator, look)
    env.close()
    if found is None:
        raise HyperdynError("The simulation diverged while it was filmed; take another --seed.")
    rewards = found["rewards"].tolist()
    returns = [sum(rewards[:step]) for step in sorted(taken)]
    return Film(rewards=rewards, pictures=pictures, returns=returns)
