"""The half-cheetah's side of a task: what it observes, what it is rewarded for."""

import abc
from typing import ClassVar

import mujoco
import numpy as np
from jaxtyping import Float

from hyperdyn import assets
from hyperdyn.envs.locomotion.base import LocomotionEnv
from hyperdyn.envs.locomotion.ground import Surface

JOINTS = ("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
# Released code (learning_to_adapt, height field): the torso starts at z = 1.0 instead of 0.7.
START_RISE = 0.3
CONTROL_COST = 0.05


class Cheetah(LocomotionEnv, abc.ABC):
    """A planar half-cheetah of 14 kg; its ground is a subclass's.

    Observation (20, float64): `qpos[1:]` (root z in m from 0.7, pitch, six joint angles in rad),
    `qvel` (root x, root z in m/s, pitch rate, six joint rates in rad/s), and the centre of mass of
    the whole robot in the world (x, y, z in m; y is always 0). Absolute x is part of it. (Released
    HyperDynamics code; the paper says only "state".) `observation_names` has them in order.

    Action (6): torques in [-1, 1] of the gears 120, 90, 60, 120, 60, 30 N m.

    Reward (HyperDynamics A.2): `(com_x' - com_x) / 0.01 - 0.05 * |action|^2`. Control step 0.01 s.

    Start: x = 0, torso 0.3 m above its height on flat ground, so that no leg begins inside a slope;
    noise of N(0, 0.01^2) on positions and N(0, 0.1^2) on velocities.
    """

    observation_names: ClassVar[tuple[str, ...]] = (
        "rootz",
        "rooty",
        *JOINTS,
        "rootx_velocity",
        "rootz_velocity",
        "rooty_velocity",
        *(f"{j}_velocity" for j in JOINTS),
        "com_x",
        "com_y",
        "com_z",
    )
    constant_observations: ClassVar[tuple[str, ...]] = ("com_y",)
    action_names: ClassVar[tuple[str, ...]] = JOINTS
    frame_skip: ClassVar[int] = 1
    time_step: ClassVar[float] = 0.01
    _position_bound: ClassVar[Float[np.ndarray, " q"]] = np.array([1e3] * 3 + [2 * np.pi] * 6)
    _velocity_bound: ClassVar[Float[np.ndarray, " v"]] = np.array([200.0] * 2 + [1e3] * 7)
    _shown_positions: ClassVar[tuple[int, ...]] = tuple(range(1, 9))
    _root: ClassVar[int] = 1
    mass: ClassVar[float] = 14.0
    surface: ClassVar[Surface] = Surface(
        friction=(0.4, 0.1, 0.1), solimp=(0.0, 0.8, 0.01, 0.5, 2.0), half_width=0.55
    )

    def _observation_bound(self) -> Float[np.ndarray, " 20"]:
        # The centre of mass stays within 2 m of the root and, but for rounding, in the plane y = 0.
        centre = [self._position_bound[0] + 2.0, 1e-6, self._position_bound[1] + 2.0]
        return np.concatenate((self._position_bound[1:], self._velocity_bound, centre))

    def _spec(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_file(str(assets.robot("half_cheetah")))

    def _start(self) -> tuple[Float[np.ndarray, " 9"], Float[np.ndarray, " 9"]]:
        positions = self.np_random.normal(0.0, 0.01, self._position_bound.shape)
        positions[1] += START_RISE
        return positions, self.np_random.normal(0.0, 0.1, self._velocity_bound.shape)

    def _reward(self, moved: float, action: Float[np.ndarray, " 6"]) -> float:
        return moved / self.time_step - CONTROL_COST * float(action @ action)
