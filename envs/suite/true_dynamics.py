"""The true dynamics of the suite's tasks, for planners."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.mujoco_dynamics import MujocoDynamics
from hyperdyn.envs.state_view import StateFirst
from hyperdyn.envs.suite.base import MOST_POSITION, MOST_VELOCITY, SuiteEnv
from hyperdyn.envs.suite.grids import SPEED
from hyperdyn.errors import InputError


class SuiteView(StateFirst):
    """The simulator's state, then the observation, then what the reward is computed from.

    So a planner finds the state behind every state it sees, a policy its observation
    (`observation`) and an objective the reward (`measures`), all in one row.

    Args:
        env: One of the environments, which has been reset.
    """

    def __init__(self, env: SuiteEnv) -> None:
        super().__init__(int(env.model.nq + env.model.nv))
        self._env = env
        ends = self._physics + len(env.observation_names)
        self.observation = slice(self._physics, ends)
        """Columns of the observation."""
        self.measures = slice(ends, ends + len(env.measures))
        """Columns of what the reward is computed from."""

    @property
    def dim(self) -> int:
        """S."""
        return int(self.measures.stop)

    def read(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch S"]:
        """Put the three together."""
        env = self._env
        parts = (physics, env.observe(physics, sensors), env.measure(physics, sensors))
        return np.concatenate(parts, axis=-1)


class SuiteSimulators:
    """The simulators of the episodes that E environments are in: dynamics, states, objective.

    Args:
        envs: Unwrapped environments of one body, each reset. The next reset brings a new
            specification, of which this knows nothing: make another then.
        hold: Control steps that each action of a plan lasts.
        threads: Of the simulator.

    Attributes:
        dynamics: For planners; NaN from where `step` would report a divergence.
        view: Which columns of a state are what.

    Raises:
        InputError: If there are none, they are of several bodies, or one was not reset.
    """

    def __init__(self, envs: Sequence[SuiteEnv], *, hold: int = 1, threads: int = 1) -> None:
        kinds = {type(env) for env in envs}
        if len(kinds) != 1:
            named = ", ".join(sorted(kind.__name__ for kind in kinds)) or "none"
            raise InputError(f"SuiteSimulators wants environments of one body; got {named}.")
        self._envs = tuple(envs)
        self.view = SuiteView(envs[0])
        self.dynamics = MujocoDynamics(
            [env.model for env in envs],
            frame_skip=envs[0].frame_skip * hold,
            threads=threads,
            view=self.view,
            position_bound=MOST_POSITION,
            velocity_bound=MOST_VELOCITY,
        )
        self._speeds = torch.tensor(
            [[[env.specification[SPEED]]] for env in envs], dtype=torch.float64
        )

    def states(self) -> Float[Tensor, "E S"]:
        """Where the environments stand now, float64."""
        rows = [self.view.read(env.physics(), np.array(env.data.sensordata)) for env in self._envs]
        return torch.from_numpy(np.stack(rows))

    def rewards(self, states: Float[Tensor, "E N T S"]) -> Float[Tensor, "E N T"]:
        """Each environment's reward for standing where its states are."""
        found: Any = self._envs[0].reward(states[..., self.view.measures], self._speeds.to(states))
        return torch.as_tensor(found)

    def objective(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Sum of the rewards at the end of each action."""
        return self.rewards(states[:, :, 1:]).sum(-1)
