"""How often policies for goals bring the object home, and whether they know when they have."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.pushing import PushEnv
from hyperdyn.errors import InputError
from hyperdyn.policies import WRITINGS, GoalNet, GoalPolicy, Pursuit, Writing
from hyperdyn.training.goals.detector import detector_scores
from hyperdyn.training.goals.trials import GoalTrial, run_actor
from hyperdyn.training.goals.views import SCENES, goal_seen, proprioception, seen
from hyperdyn.training.pushing.trial_configs import TrialConfig
from hyperdyn.training.statistics import interval, mean


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


def writings_of(model: GoalPolicy) -> tuple[Writing, ...]:
    """The ways of writing weights that differ for a policy.

    One whose weights depend on the goal alone writes them once; one that writes none has no choice.
    """
    if not isinstance(model, GoalNet):
        return ("every-step",)
    return WRITINGS if model.config.sees_current else ("once",)


class GoalActor:
    """A policy on its way to one goal.

    Args:
        model: A trained policy.
        env: A table that nothing was pushed on yet.
        state: What it observes.
        writing: Whether weights are written at every step, or once.
    """

    def __init__(
        self, model: GoalPolicy, env: PushEnv, state: Float[Tensor, "16"], *, writing: Writing
    ) -> None:
        self._env, self._scene, self._threshold = env, scene_of(model), model.threshold
        goal = goal_seen(env, state, self._scene)
        self._pursuit = Pursuit(model, goal[None], writing=writing)
        self._now = seen(env, state, self._scene)

    def act(self, state: Float[Tensor, "16"]) -> Float[Tensor, "3"]:
        """Choose a push."""
        return self._pursuit.act(self._now[None], proprioception(state)[None])[0]

    def arrived(self, state: Float[Tensor, "16"]) -> bool:
        """Look again, and say whether the stop detector fires."""
        self._now = seen(self._env, state, self._scene)
        return bool(self._pursuit.away(self._now[None])[0] < self._threshold)


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

    def begin(env: PushEnv, state: Float[Tensor, "16"]) -> GoalActor:
        return GoalActor(model, env, state, writing=writing)

    return run_actor(begin, config, number)


def evaluate_goals(
    model: GoalPolicy,
    config: TrialConfig,
    *,
    writing: Writing,
    on_trial: Callable[[GoalTrial], object] = lambda trial: None,
) -> list[GoalTrial]:
    """Run all trials of one way of writing weights.

    Args:
        model: A trained policy.
        config: From `trials_of`.
        writing: Whether weights are written at every step, or once.
        on_trial: Told of each, for progress.
    """
    trials = []
    for number in range(config.trials):
        trials.append(run_goal_trial(model, config, number, writing=writing))
        on_trial(trials[-1])
    return trials


def successes(seeds: Sequence[Sequence[GoalTrial]]) -> dict[str, Any]:
    """Success of one policy, or of one trained from several seeds.

    Args:
        seeds: The trials of each.

    Returns:
        JSON values: success with its 95 % bootstrap interval over trials, each seed's resampled
        within itself; that of each seed; the mean distance from the goal at the end (m); the share
        of trials that pushed the object off the table; and how many trials there are.
    """
    strata = [[float(trial.success) for trial in trials] for trials in seeds]
    every = [trial for trials in seeds for trial in trials]
    return {
        "success": float(np.mean(np.concatenate(strata))),
        "ci95": list(interval(strata, statistic=mean)),
        "by_seed": [float(np.mean(part)) for part in strata],
        "distance": float(np.mean([trial.distance for trial in every])),
        "left_table": float(np.mean([trial.left_table for trial in every])),
        "trials": len(every),
    }


def policy_scores(seeds: Sequence[Sequence[GoalTrial]]) -> dict[str, Any]:
    """Success, and what the stop detector is worth; `successes` and `detector_scores` of all."""
    every = [trial for trials in seeds for trial in trials]
    return {**successes(seeds), "detector": detector_scores(every)}


def to_json(trials: Sequence[GoalTrial]) -> list[dict[str, Any]]:
    """Trials as JSON has them."""
    return [asdict(trial) for trial in trials]


def from_json(trials: Sequence[dict[str, Any]]) -> list[GoalTrial]:
    """Trials as they were before `to_json`."""
    flags = ("truly", "detected")
    return [GoalTrial(**{**trial, **{f: tuple(trial[f]) for f in flags}}) for trial in trials]
