"""Trials of policies for goals: how often the object comes home, and whether they know that."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs import make
from hyperdyn.envs.pushing import PushEnv
from hyperdyn.envs.pushing.layout import GOAL_RADIUS
from hyperdyn.errors import InputError
from hyperdyn.policies import GoalPolicy, Pursuit, Writing
from hyperdyn.training.goals.views import SCENES, goal_seen, proprioception, seen
from hyperdyn.training.pushing.planning import TASKS
from hyperdyn.training.pushing.trial_configs import SCENE, TrialConfig, draw_system
from hyperdyn.training.statistics import interval, mean


@dataclass(frozen=True, kw_only=True)
class GoalTrial:
    """What came of one trial."""

    number: int
    object: str
    """Its id."""
    success: bool
    """It ended a push within 4 cm of the goal, and stayed on the table."""
    left_table: bool
    distance: float
    """From the goal, at the end, m."""
    pushes: int
    truly: tuple[bool, ...]
    """After each push: whether the object was within 4 cm of the goal."""
    detected: tuple[bool, ...]
    """The same, as the stop detector saw it."""


def trials_of(split: str, count: int, seed: int) -> TrialConfig:
    """The trials that planners have, too: the same tables, objects and goals by number.

    Raises:
        UnknownNameError: If there is no such split.
        InputError: If there are no trials, or the seed is negative.
    """
    return TrialConfig(task="free", split=split, preset="icem", trials=count, seed=seed)


def scene_of(model: GoalPolicy) -> str:
    """The name of what a policy sees.

    Raises:
        InputError: If it is nothing that the pushing table shows.
    """
    for name, shape in SCENES.items():
        if shape == model.config.scene:
            return name
    raise InputError(
        f"This policy sees scenes of shape {model.config.scene}; the pushing table shows "
        f"{', '.join(f'{name} {shape}' for name, shape in SCENES.items())}."
    )


def run_goal_trial(
    model: GoalPolicy, config: TrialConfig, number: int, *, writing: Writing
) -> GoalTrial:
    """Show the policy its goal and let it push, to the end.

    Args:
        model: A trained policy.
        config: From `trials_of`.
        number: Which trial; it depends on nothing else.
        writing: Whether weights are written at every step, or once.
    """
    scene, system = scene_of(model), draw_system(config, number)
    env = make(TASKS[config.task])
    inner = env.unwrapped
    assert isinstance(inner, PushEnv)
    try:
        observation, _ = env.reset(seed=config.seed_of(number, SCENE), options=system.options)
        state = _tensor(observation)
        goal = goal_seen(inner, state, scene)
        pursuit = Pursuit(model, goal[None], writing=writing)
        truly: list[bool] = []
        detected: list[bool] = []
        now, ended = seen(inner, state, scene), False
        while not ended:
            action = pursuit.act(now[None], proprioception(state)[None])[0]
            observation, _, terminated, truncated, info = env.step(action.numpy())
            state, ended = _tensor(observation), terminated or truncated
            now = seen(inner, state, scene)
            truly.append(bool(info["distance"] <= GOAL_RADIUS))
            detected.append(bool(pursuit.away(now[None]) < model.threshold))
    finally:
        env.close()
    return GoalTrial(
        number=number,
        object=system.id,
        success=bool(info["success"]),
        left_table=bool(info["left_table"]),
        distance=float(info["distance"]),
        pushes=len(truly),
        truly=tuple(truly),
        detected=tuple(detected),
    )


def evaluate_goals(
    model: GoalPolicy,
    config: TrialConfig,
    *,
    writing: Writing,
    on_trial: Callable[[GoalTrial], object] = lambda trial: None,
) -> dict[str, Any]:
    """Run all trials of one way of writing weights.

    Args:
        model: A trained policy.
        config: From `trials_of`.
        writing: Whether weights are written at every step, or once.
        on_trial: Told of each, for progress.

    Returns:
        JSON values: success with its 95 % bootstrap interval, the stop detector's scores, and every
        trial.
    """
    trials = []
    for number in range(config.trials):
        trials.append(run_goal_trial(model, config, number, writing=writing))
        on_trial(trials[-1])
    successes = [float(trial.success) for trial in trials]
    return {
        "success": float(np.mean(successes)),
        "ci95": list(interval([successes], statistic=mean)),
        "distance": float(np.mean([trial.distance for trial in trials])),
        "detector": detector_scores(trials),
        "trials": [asdict(trial) for trial in trials],
    }


def detector_scores(trials: Sequence[GoalTrial]) -> dict[str, float | None]:
    """How well the stop detector tells arrivals, over trials and over single pushes.

    A trial counts as detected if the detector fires after any of its pushes (Hyper-GoalNet's rule).
    Recall is None where nothing arrived.

    Args:
        trials: At least one.
    """
    truly = [trial.success for trial in trials]
    fired = [any(trial.detected) for trial in trials]
    pushes = [flag for trial in trials for flag in trial.truly]
    seen_pushes = [flag for trial in trials for flag in trial.detected]
    return {
        "accuracy": _agreement(truly, fired),
        "recall": _recall(truly, fired),
        "reported": float(np.mean(fired)),
        "push_accuracy": _agreement(pushes, seen_pushes),
        "push_recall": _recall(pushes, seen_pushes),
    }


def _agreement(truly: Sequence[bool], told: Sequence[bool]) -> float:
    return float(np.mean(np.array(truly) == np.array(told)))


def _recall(truly: Sequence[bool], told: Sequence[bool]) -> float | None:
    found = [said for true, said in zip(truly, told, strict=True) if true]
    return float(np.mean(found)) if found else None


def _tensor(observation: Float[np.ndarray, "16"]) -> Float[Tensor, "16"]:
    return torch.as_tensor(observation, dtype=torch.float32)
