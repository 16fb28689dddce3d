"""`hyperdyn/AntDir-v0`: an ant that is to run in some direction."""

import math
from typing import ClassVar

import mujoco
import numpy as np
from jaxtyping import Float

from hyperdyn.envs.locomotion.ant import ACTUATORS, Ant
from hyperdyn.envs.locomotion.ground import Surface
from hyperdyn.envs.meta.base import MOST_POSITION, MOST_VELOCITY, MetaEnv

CONTROL_COST = 0.5
CONTACT_COST = 5e-4
ALIVE = 1.0
HEIGHTS = (0.2, 1.0)
WIDE = Surface(friction=Ant.surface.friction, solimp=Ant.surface.solimp, half_width=100.0)
SHOWN = (2, 4, 5, 6, 3, *range(7, 15))  # MuJoCo has w first


class AntDir(MetaEnv):
    """A four-legged ant of 0.91 kg; the task is a direction in [0, 2π] rad, 0 along x, π/2 along y.

    Observation (27): height, orientation (quaternion x, y, z, w), joint angles and `qvel`: MACAW's,
    whose quaternion has w first. Action (8): torques in units of 150 N m.

    Reward (PEARL, MACAW): the torso's mean velocity along the direction over the step, minus
    `0.5 * |action|^2`, minus `5e-4 * sum(clip(external contact forces, -1, 1)^2)`, plus 1. An
    episode ends when the torso's height leaves [0.2, 1] m. The robot here is simulated with
    implicitfast, where theirs has RK4.
    """

    observation_names: ClassVar[tuple[str, ...]] = Ant.observation_names[:27]
    action_names: ClassVar[tuple[str, ...]] = ACTUATORS
    _family: ClassVar[str] = "ant-dir"
    _robot: ClassVar[str] = "ant"
    _surface: ClassVar[Surface] = WIDE

    def _observation_bound(self) -> Float[np.ndarray, " S"]:
        turned = [1.001] * 4
        return np.array([MOST_POSITION, *turned] + [MOST_POSITION] * 8 + [MOST_VELOCITY] * 14)

    def _observe(self) -> Float[np.ndarray, " S"]:
        return np.concatenate((self.data.qpos[list(SHOWN)], self.data.qvel))

    def _reward(
        self, value: float, moved: Float[np.ndarray, "2"], action: Float[np.ndarray, " A"]
    ) -> float:
        x, y = (moved / self.time_step).tolist()
        along = float(math.cos(value) * x + math.sin(value) * y)
        # External forces and torques on the bodies, in the last simulator step.
        contact = float(np.square(np.clip(self.data.cfrc_ext, -1.0, 1.0)).sum())
        return along - CONTROL_COST * float(action @ action) - CONTACT_COST * contact + ALIVE

    def _feel(self) -> None:
        mujoco.mj_rnePostConstraint(self.model, self.data)

    def _has_ended(self) -> bool:
        return not HEIGHTS[0] <= float(self.data.qpos[2]) <= HEIGHTS[1]
