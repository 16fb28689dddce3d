"""Trials: an object is felt, seen and pushed home (HyperDynamics, section 4.1 and appendix A.1)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.envs import make
from hyperdyn.envs.pushing import VIEWS, Push, PushEnv, View
from hyperdyn.errors import HyperdynError
from hyperdyn.perception import PerceptionError
from hyperdyn.planners import MPC
from hyperdyn.pushing import Interactions
from hyperdyn.pushing.state import turned_by
from hyperdyn.training.pushing.planning import TASKS, controller, planned_with
from hyperdyn.training.pushing.pusher import Pusher, Survey, one_view, standing
from hyperdyn.training.pushing.recording import push_at_random
from hyperdyn.training.pushing.surroundings import (
    Surroundings,
    looked_again,
    surroundings_from_boxes,
    surroundings_from_views,
)
from hyperdyn.training.pushing.trial_configs import (
    FEEL,
    LOOK,
    PLAN,
    SCENE,
    System,
    TrialConfig,
    TrialResult,
    draw_system,
)

PUSHES = 5
"""K, pushes an object is felt with."""
_TRIES = 100


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A trial before its first push."""

    env: PushEnv
    view: View
    survey: Survey
    dynamics: Dynamics
    controller: MPC
    state: Float[Tensor, "1 S"]
    goal: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One push of a trial."""

    predicted: Float[Tensor, "T S"]
    """The states of the plan that it is the first push of."""
    action: Float[Tensor, "1 A"]
    """What was done."""
    state: Float[Tensor, "1 S"]
    """The state after it."""
    info: dict[str, Any]
    """What the environment said of it."""


class Watcher:
    """Sees a trial go by; this one looks away."""

    def begins(self, scene: Scene) -> None:
        """Called before the first push."""

    def pushed(self, step: Step) -> None:
        """Called after each push."""


def feel(system: System, rng: np.random.Generator) -> Interactions:
    """Push an object five times at random; again from the start if it leaves the table.

    Raises:
        HyperdynError: If it leaves the table time after time.
    """
    env = Push(goals=False)
    try:
        for _ in range(_TRIES):
            state, _ = env.reset(seed=int(rng.integers(2**31)), options=system.options)
            actions, states, ending = push_at_random(env, state, PUSHES, rng)
            if ending is None:
                return Interactions(_row(states), _row(actions))
    finally:
        env.close()
    raise HyperdynError(
        f"{system.id!r} left the table in each of {_TRIES} attempts to push it {PUSHES} times."
    )


def run_trial(
    pusher: Pusher,
    config: TrialConfig,
    number: int,
    *,
    system: System | None = None,
    watcher: Watcher | None = None,
) -> TrialResult:
    """Feel an object, look at the table once, then plan, push and see where it went, to the end.

    Args:
        pusher: Sees and predicts.
        config: Task, split and way of planning.
        number: Which trial.
        system: What is pushed; drawn unless given.
        watcher: Told of what happens.
    """
    system = draw_system(config, number) if system is None else system
    watcher = Watcher() if watcher is None else watcher
    env = make(TASKS[config.task])
    inner = env.unwrapped
    assert isinstance(inner, PushEnv)
    info: dict[str, Any] = {"success": False, "collided": False, "left_table": False}
    seconds: list[float] = []
    pushes = obstacles = 0
    reason = ""
    try:
        observation, about = env.reset(seed=config.seed_of(number, SCENE), options=system.options)
        info["distance"] = about["distance"]
        state = _row(observation)
        camera = int(config.rng(number, LOOK).integers(len(VIEWS)))
        view = inner.view(camera)
        interactions = feel(system, config.rng(number, FEEL))
        survey = pusher.survey(one_view(view), state)
        obstacles = len(survey.others)
        around = surroundings_of(survey, state, config)
        made = pusher.generate(interactions, survey, system.truth)
        dynamics = planned_with(config.planning, made, around)
        generator = torch.Generator().manual_seed(config.seed_of(number, PLAN))
        mpc = controller(config.planning, around, about["goal"], generator)
        watcher.begins(
            Scene(
                env=inner,
                view=view,
                survey=survey,
                dynamics=dynamics,
                controller=mpc,
                state=state,
                goal=about["goal"],
            )
        )
        ended = False
        while not ended:
            start = time.perf_counter()
            action = mpc.act(dynamics, state)
            seconds.append(time.perf_counter() - start)
            assert mpc.last_plan is not None
            predicted = dynamics.rollout(state, mpc.last_plan.actions[:, None])[0, 0]
            observation, _, terminated, truncated, info = env.step(action[0].numpy())
            state, ended, pushes = _row(observation), terminated or truncated, pushes + 1
            if config.planning.look == "always" and config.task == "obstacles" and not ended:
                now = looked_again(around, state, standing(one_view(inner.view(camera)), state))
                if now is not around:
                    around = now
                    mpc = controller(config.planning, around, about["goal"], generator)
            watcher.pushed(Step(predicted=predicted, action=action, state=state, info=info))
    except (PerceptionError, HyperdynError) as error:
        reason = f"{type(error).__name__}: {error}"
    finally:
        env.close()
    return TrialResult(
        number=number,
        object=system.id,
        success=bool(info["success"]),
        collided=bool(info["collided"]),
        left_table=bool(info["left_table"]),
        lost=bool(reason),
        distance=float(info.get("distance", math.nan)),
        pushes=pushes,
        obstacles=obstacles,
        seconds=float(np.mean(seconds)) if seconds else 0.0,
        slowest=max(seconds, default=0.0),
        reason=reason,
    )


def run_trials(
    pusher: Pusher,
    config: TrialConfig,
    *,
    on_trial: Callable[[TrialResult], object] = lambda result: None,
) -> list[TrialResult]:
    """Run trials one after the other; each depends on its number alone, not on those before.

    Args:
        pusher: Sees and predicts.
        config: What is tried.
        on_trial: Told of each result, for progress.
    """
    results = []
    for number in range(config.trials):
        results.append(run_trial(pusher, config, number))
        on_trial(results[-1])
    return results


def surroundings_of(
    survey: Survey, state: Float[Tensor, "1 S"], config: TrialConfig
) -> Surroundings:
    """What the planner is told of the table; on a free one nothing is taken for an obstacle."""
    others, above = survey.others, survey.from_above
    if config.task == "free":
        others, above = others[:0], above[:1]
    yaw = float(turned_by(state)[0])
    if config.planning.clearance == "boxes":
        return surroundings_from_boxes(survey.own, others, yaw)
    around = surroundings_from_views(
        survey.own, others, yaw, above, survey.extent, state[0, :2], survey.standing
    )
    return replace(around, obstacles=()) if config.task == "free" else around


def _row(values: np.ndarray) -> Float[Tensor, "1 *rest"]:
    return torch.as_tensor(values, dtype=torch.float32)[None]
