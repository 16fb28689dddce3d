"""The true dynamics of families of tasks, for planners."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.locomotion.cheetah import CONTROL_COST
from hyperdyn.envs.meta.ant_dir import ALIVE, HEIGHTS, SHOWN, AntDir
from hyperdyn.envs.meta.ant_dir import CONTROL_COST as ANT_CONTROL_COST
from hyperdyn.envs.meta.base import MOST_POSITION, MOST_VELOCITY, MetaEnv
from hyperdyn.envs.mujoco_dynamics import MujocoDynamics
from hyperdyn.envs.state_view import StateFirst
from hyperdyn.errors import InputError


class MetaView(StateFirst):
    """The simulator's state, then the observation.

    So a planner finds the state behind every state it sees, an objective where the robot is, and a
    policy its observation (`observation`).

    Args:
        env: One of the environments.
    """

    def __init__(self, env: MetaEnv) -> None:
        super().__init__(int(env.model.nq + env.model.nv))
        self._env = env
        self.observation = slice(self._physics, self._physics + len(env.observation_names))
        """Columns of the observation."""

    @property
    def dim(self) -> int:
        """S."""
        return int(self.observation.stop)

    def read(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch S"]:
        """Put the two together."""
        positions = self._env.model.nq
        if isinstance(self._env, AntDir):
            parts = (physics, physics[..., list(SHOWN)], physics[..., positions:])
            return np.concatenate(parts, axis=-1)
        # The torso hangs on slides along x and z.
        place = np.zeros((*physics.shape[:-1], 3)) + self._env.model.body("torso").pos
        place[..., [0, 2]] += physics[..., :2]
        return np.concatenate((physics, physics[..., 1:], place), axis=-1)


class MetaSimulators:
    """The simulators of the episodes that E environments are in: dynamics, states, objective.

    Args:
        envs: Unwrapped environments of one family, each reset. The next reset may bring another
            task, of which this knows nothing: make another then.
        threads: Of the simulator.

    Attributes:
        dynamics: For planners; NaN from where `step` would report a divergence.
        view: Which columns of a state are what.

    Raises:
        InputError: If there are none, they are of several families, or one was not reset.
    """

    def __init__(self, envs: Sequence[MetaEnv], *, threads: int = 1) -> None:
        kinds = {type(env) for env in envs}
        if len(kinds) != 1:
            named = ", ".join(sorted(kind.__name__ for kind in kinds)) or "none"
            raise InputError(f"MetaSimulators wants environments of one family; got {named}.")
        self._envs = tuple(envs)
        self.view = MetaView(envs[0])
        self.dynamics = MujocoDynamics(
            [env.model for env in envs],
            frame_skip=envs[0].frame_skip,
            threads=threads,
            view=self.view,
            position_bound=MOST_POSITION,
            velocity_bound=MOST_VELOCITY,
        )
        self._values = torch.tensor([env.task_value for env in envs], dtype=torch.float64)

    def states(self) -> Float[Tensor, "E S"]:
        """Where the environments stand now, float64."""
        rows = [np.concatenate((env.data.qpos, env.data.qvel)) for env in self._envs]
        return torch.from_numpy(self.view.read(np.stack(rows), np.zeros((len(rows), 0))))

    def objective(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Return of the environment, of an ant without the cost of contacts (0.04 at most a step).

        After a step that ends the episode there is no more of it.
        """
        moved = states[..., :2].diff(dim=2) / self._envs[0].time_step
        values = self._values.to(states)[:, None, None]
        effort = actions.square().sum(-1)
        if not isinstance(self._envs[0], AntDir):
            rewards = -(moved[..., 0] - values).abs() - CONTROL_COST * effort
            return rewards.sum(-1)
        along = values.cos() * moved[..., 0] + values.sin() * moved[..., 1]
        heights = states[:, :, 1:, 2]
        fallen = ((heights < HEIGHTS[0]) | (heights > HEIGHTS[1])).to(states).cumsum(-1)
        before = torch.nn.functional.pad(fallen[..., :-1], (1, 0))
        rewards = (along - ANT_CONTROL_COST * effort + ALIVE) * (before == 0)
        return rewards.sum(-1)
