"""The suite's cheetah: run forward or backward, with a torso of some length."""

from typing import Any, ClassVar

import mujoco
import numpy as np
from jaxtyping import Float

from hyperdyn.envs.suite.base import MOST_POSITION, MOST_VELOCITY, SuiteEnv
from hyperdyn.envs.suite.rewards import moving

JOINTS = ("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
MASS = 14.0
SETTLING = 200


class SuiteCheetah(SuiteEnv):
    """A planar half-cheetah of 14 kg.

    Observation (17): `qpos` without the root's x (m, rad), `qvel` (m/s, rad/s). Action (6): the
    joints' torques in units of their gears. Reward: `moving` of the whole robot's x velocity.
    Start: joints drawn within their limits, then 200 simulator steps at rest. Control step 0.01 s.

    "length" is half the torso's: it reaches from -length to length, the head sits 0.1 m before its
    end, the legs hang at both ends. The mass of all parts together stays 14 kg, so that a longer
    torso takes mass from the legs.
    """

    body: ClassVar[str] = "cheetah"
    observation_names: ClassVar[tuple[str, ...]] = (
        "rootz",
        "rooty",
        *JOINTS,
        "rootx_velocity",
        "rootz_velocity",
        "rooty_velocity",
        *(f"{joint}_velocity" for joint in JOINTS),
    )
    action_names: ClassVar[tuple[str, ...]] = JOINTS
    measures: ClassVar[tuple[str, ...]] = ("velocity",)
    frame_skip: ClassVar[int] = 1
    time_step: ClassVar[float] = 0.01
    default_speed: ClassVar[float] = 10.0
    default_length: ClassVar[float] = 0.5
    length_range: ClassVar[tuple[float, float]] = (0.1, 1.5)
    _camera: ClassVar[str] = "side"

    def _observation_bound(self) -> Float[np.ndarray, " O"]:
        return np.array([MOST_POSITION] * 8 + [MOST_VELOCITY] * 9)

    def _fit(self, spec: mujoco.MjSpec, length: float) -> None:
        spec.compiler.settotalmass = 0.0  # MuJoCo will forget it; `_finish` does the same
        spec.geom("torso").fromto[:] = [-length, 0.0, 0.0, length, 0.0, 0.0]
        spec.geom("head").pos[:] = [length + 0.1, 0.0, 0.1]
        spec.body("bthigh").pos[0] = -length
        spec.body("fthigh").pos[0] = length

    def _finish(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        mujoco.mj_setTotalmass(model, MASS)
        mujoco.mj_setConst(model, data)

    def _place(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        limited = model.jnt_limited == 1
        low, high = model.jnt_range[limited].T
        data.qpos[limited] = rng.uniform(low, high)
        mujoco.mj_step(model, data, SETTLING)

    def observe(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch O"]:
        """All coordinates and velocities but the root's x."""
        return physics[..., 1:].copy()

    def measure(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch M"]:
        """Horizontal velocity of the centre of mass, m/s."""
        first = self._sensors["torso_subtreelinvel"]
        return sensors[..., first : first + 1].copy()

    @staticmethod
    def reward(measures: Any, speed: Any) -> Any:
        """Nearness to the target speed."""
        return moving(measures[..., 0], speed)
