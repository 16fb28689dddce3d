"""States in which the dynamics of the control suite are learnt: they hold all that rewards need.

A state is the observation, the measures that the reward is computed from, and the target speed. The
target is no part of the dynamics: networks see it relative to itself, which is zero, and leave it
as it is, so that one model serves every target and one objective systems of several.
"""

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.suite.base import SuiteEnv
from hyperdyn.envs.suite.cheetah import SuiteCheetah
from hyperdyn.envs.suite.finger import SuiteFinger
from hyperdyn.envs.suite.grids import SPEED
from hyperdyn.envs.suite.walker import SuiteWalker
from hyperdyn.planners import Objective
from hyperdyn.states import Field, StateSpace

BODIES: dict[str, type[SuiteEnv]] = {
    kind.body: kind for kind in (SuiteCheetah, SuiteWalker, SuiteFinger)
}
"""The suite's environments by the first word of their tasks."""
OBSERVATION, MEASURES, TARGET = "observation", "measures", "target_speed"


def suite_state_space(body: str) -> StateSpace:
    """The state of a body; `observation`, the observation's columns, is what policies see."""
    kind = BODIES[body]
    return StateSpace(
        (
            Field(name=OBSERVATION, size=len(kind.observation_names)),
            Field(name=MEASURES, size=len(kind.measures)),
            Field(name=TARGET, relative=True, context=True),
        )
    )


def suite_state(env: SuiteEnv) -> Float[np.ndarray, " S"]:
    """Where an environment stands now."""
    physics, sensors = env.physics(), np.array(env.data.sensordata)
    seen, measured = env.observe(physics, sensors), env.measure(physics, sensors)
    return np.concatenate((seen, measured, [env.specification[SPEED]]))


@dataclass(frozen=True)
class SuiteReward(Objective):
    """Sum of a body's rewards at the end of each action, towards the target in the state."""

    body: str

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Sum up."""
        space, after = suite_state_space(self.body), states[:, :, 1:]
        targets = after[..., space.slice_of(TARGET).start]
        found: Tensor = BODIES[self.body].reward(after[..., space.slice_of(MEASURES)], targets)
        return found.sum(-1)


class SuiteStates(gymnasium.Wrapper[Any, Any, Any, Any]):
    """One of the suite's environments that shows its whole state; after a divergence, the last.

    Args:
        env: The environment.
    """

    def __init__(self, env: "gymnasium.Env[Any, Any]") -> None:
        super().__init__(env)
        inner: Any = env.unwrapped
        self._inner: SuiteEnv = inner
        width = suite_state_space(self._inner.body).dim
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (width,), np.float64)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float[np.ndarray, " S"], dict[str, Any]]:
        """As the environment, with its state."""
        _, info = self.env.reset(seed=seed, options=options)
        self._state = suite_state(self._inner)
        return self._state.copy(), info

    def step(
        self, action: Any
    ) -> tuple[Float[np.ndarray, " S"], float, bool, bool, dict[str, Any]]:
        """As the environment, with its state."""
        _, reward, terminated, truncated, info = self.env.step(action)
        if not info["diverged"]:
            self._state = suite_state(self._inner)
        return self._state.copy(), float(reward), terminated, truncated, info


def learnable(env: "gymnasium.Env[Any, Any]") -> "gymnasium.Env[Any, Any]":
    """An environment whose observations are states that dynamics can be learnt in."""
    return SuiteStates(env) if isinstance(env.unwrapped, SuiteEnv) else env
