"""Trials on the pushing table: whatever acts, the simulator says how they end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs import make
from hyperdyn.envs.pushing import PushEnv
from hyperdyn.envs.pushing.layout import GOAL_RADIUS
from hyperdyn.perception import PerceptionError
from hyperdyn.training.pushing.planning import TASKS
from hyperdyn.training.pushing.trial_configs import SCENE, TrialConfig, draw_system


@dataclass(frozen=True, kw_only=True)
class GoalTrial:
    """What came of one trial."""

    number: int
    object: str
    """Its id."""
    success: bool
    """It ended a push within 4 cm of the goal, and stayed on the table."""
    left_table: bool
    lost: bool
    """The actor did not find the object: a failure."""
    distance: float
    """From the goal, at the end, m."""
    pushes: int
    truly: tuple[bool, ...]
    """After each push: whether the object was within 4 cm of the goal."""
    detected: tuple[bool, ...]
    """The same, as the actor has it."""


@runtime_checkable
class Actor(Protocol):
    """Pushes one object home."""

    def act(self, state: Float[Tensor, "16"]) -> Float[Tensor, "3"]:
        """Choose a push; called once a step.

        Args:
            state: What the table observes.
        """
        ...

    def arrived(self, state: Float[Tensor, "16"]) -> bool:
        """Whether it takes the object to be at its goal; called after each push."""
        ...


def trials_of(split: str, count: int, seed: int) -> TrialConfig:
    """The trials that planners have, too: the same tables, objects and goals by number.

    Raises:
        UnknownNameError: If there is no such split.
        InputError: If there are no trials, or the seed is negative.
    """
    return TrialConfig(task="free", split=split, preset="icem", trials=count, seed=seed)


def run_actor(
    begin: Callable[[PushEnv, Float[Tensor, "16"]], Actor], config: TrialConfig, number: int
) -> GoalTrial:
    """Let an actor push, to the end.

    Args:
        begin: Makes the actor, for a table that nothing was pushed on yet and what it observes.
        config: From `trials_of`.
        number: Which trial; it depends on nothing else.
    """
    system = draw_system(config, number)
    env = make(TASKS[config.task])
    inner = env.unwrapped
    assert isinstance(inner, PushEnv)
    truly: list[bool] = []
    detected: list[bool] = []
    lost = False
    try:
        observation, about = env.reset(seed=config.seed_of(number, SCENE), options=system.options)
        state = _tensor(observation)
        info = {"success": False, "left_table": False, "distance": about["distance"]}
        actor = begin(inner, state)
        ended = False
        while not ended:
            observation, _, terminated, truncated, info = env.step(actor.act(state).numpy())
            state, ended = _tensor(observation), terminated or truncated
            truly.append(bool(info["distance"] <= GOAL_RADIUS))
            detected.append(actor.arrived(state))
    except PerceptionError:
        lost = True
    finally:
        env.close()
    return GoalTrial(
        number=number,
        object=system.id,
        success=bool(info["success"]),
        left_table=bool(info["left_table"]),
        lost=lost,
        distance=float(info["distance"]),
        pushes=len(truly),
        truly=tuple(truly),
        detected=tuple(detected),
    )


def _tensor(observation: Float[np.ndarray, "16"]) -> Float[Tensor, "16"]:
    return torch.as_tensor(observation, dtype=torch.float32)
