"""`hyperdyn/CheetahVel-v0`: a half-cheetah that is to run at some velocity."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from hyperdyn.envs.locomotion.cheetah import CONTROL_COST, JOINTS, Cheetah
from hyperdyn.envs.locomotion.ground import Surface
from hyperdyn.envs.meta.base import MOST_POSITION, MOST_VELOCITY, MetaEnv


class CheetahVel(MetaEnv):
    """A planar half-cheetah of 14 kg; the task is a target velocity in [0, 3] m/s.

    Observation (20): `qpos[1:]`, `qvel` and the place of the torso (x, y, z in m; y is always 0),
    as in MACAW. Action (6): torques in units of the joints' gears.

    Reward (PEARL, MACAW): `-|v - velocity| - 0.05 * |action|^2`, where v is the torso's mean
    velocity in x over the step.
    """

    observation_names: ClassVar[tuple[str, ...]] = (
        *Cheetah.observation_names[:17],
        "torso_x",
        "torso_y",
        "torso_z",
    )
    constant_observations: ClassVar[tuple[str, ...]] = ("torso_y",)
    action_names: ClassVar[tuple[str, ...]] = JOINTS
    _family: ClassVar[str] = "cheetah-vel"
    _robot: ClassVar[str] = "half_cheetah"
    _surface: ClassVar[Surface] = Cheetah.surface

    def _observation_bound(self) -> Float[np.ndarray, " S"]:
        place = [MOST_POSITION, 1e-6, MOST_POSITION + 1.0]
        return np.array([MOST_POSITION] * 8 + [MOST_VELOCITY] * 9 + place)

    def _observe(self) -> Float[np.ndarray, " S"]:
        data = self.data
        return np.concatenate((data.qpos[1:], data.qvel, data.body("torso").xpos))

    def _moved(
        self, before: Float[np.ndarray, "2"], after: Float[np.ndarray, "2"]
    ) -> Float[np.ndarray, "2"]:
        return np.array([after[0] - before[0], 0.0])  # the second coordinate is its height

    def _reward(
        self, value: float, moved: Float[np.ndarray, "2"], action: Float[np.ndarray, " A"]
    ) -> float:
        return -abs(float(moved[0]) / self.time_step - value) - CONTROL_COST * float(
            action @ action
        )
