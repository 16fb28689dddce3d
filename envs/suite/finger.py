"""The suite's finger: spin a body either way, with a finger of some length."""

from typing import Any, ClassVar

import mujoco
import numpy as np
from jaxtyping import Float

from hyperdyn.envs.suite.base import MOST_POSITION, MOST_VELOCITY, SuiteEnv
from hyperdyn.envs.suite.rewards import moving
from hyperdyn.envs.suite.start import randomise_joints
from hyperdyn.errors import HyperdynError

JOINTS = ("proximal", "distal")
VELOCITIES = ("proximal_velocity", "distal_velocity", "hinge_velocity")
TOUCHES = ("touchtop", "touchbottom")
HINGE_DAMPING = 0.03
FARTHEST_TIP = 10.0
STRONGEST_TOUCH = 100.0  # logarithm of a force in newtons
ATTEMPTS = 1000


class SuiteFinger(SuiteEnv):
    """A planar finger of two links beside a body on a hinge, without gravity.

    Observation (9): the angles of both links (rad), the x and z of the spinner's tip from its hinge
    (m), the velocities of both links and the spinner (rad/s), log(1 + force in N) of the
    fingertip's two touch sensors, from the last simulator step, as dm_control leaves them. Action
    (2): the joints' torques in units of their gears. Reward: `moving` of the spinner's velocity.
    Start: all joints drawn at random, without contact. Control step 0.02 s.

    "length" is that of the outer link. Fingertip, spinner and its caps move and grow with it, so
    that the finger still reaches what it spins. So do the touch sensors, which the released code
    leaves behind, where no contact is.
    """

    body: ClassVar[str] = "finger"
    observation_names: ClassVar[tuple[str, ...]] = (
        *JOINTS,
        "tip_x",
        "tip_z",
        *VELOCITIES,
        *TOUCHES,
    )
    action_names: ClassVar[tuple[str, ...]] = JOINTS
    measures: ClassVar[tuple[str, ...]] = ("velocity",)
    frame_skip: ClassVar[int] = 2
    time_step: ClassVar[float] = 0.02
    default_speed: ClassVar[float] = 15.0
    default_length: ClassVar[float] = 0.16
    length_range: ClassVar[tuple[float, float]] = (0.08, 0.6)
    _camera: ClassVar[str] = "cam0"

    def _observation_bound(self) -> Float[np.ndarray, " O"]:
        return np.array(
            [MOST_POSITION] * 2 + [FARTHEST_TIP] * 2 + [MOST_VELOCITY] * 3 + [STRONGEST_TOUCH] * 2
        )

    def _fit(self, spec: mujoco.MjSpec, length: float) -> None:
        spec.geom("distal").fromto[:] = [0.0, 0.0, 0.0, 0.0, 0.0, -length]
        spec.geom("fingertip").fromto[:] = [0.0, 0.0, 0.03 - length, 0.0, 0.0, -length - 0.001]
        spec.body("spinner").pos[0] = length + 0.04
        for cap in ("cap1", "cap2"):
            spec.geom(cap).size[1] = length - 0.07
        for touch in TOUCHES:
            spec.site(touch).pos[2] = -length - 0.01
        for site in ("target", "tip"):
            spec.site(site).rgba[3] = 0.0

    def _finish(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        model.dof_damping[model.joint("hinge").dofadr[0]] = HINGE_DAMPING

    def _place(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        for _ in range(ATTEMPTS):
            randomise_joints(model, data, rng)
            mujoco.mj_forward(model, data)
            if data.ncon == 0:
                return
        raise HyperdynError(
            f"No start without contact in {ATTEMPTS} draws for a finger of this length."
        )

    def observe(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch O"]:
        """All of it from sensors."""
        at = self._sensors
        columns = [at[name] for name in (*JOINTS, *VELOCITIES)]
        tip, spinner = ([at[name], at[name] + 2] for name in ("tip", "spinner"))
        reach = sensors[..., tip] - sensors[..., spinner]
        touch = np.log1p(sensors[..., [at[name] for name in TOUCHES]])
        return np.concatenate(
            (sensors[..., columns[:2]], reach, sensors[..., columns[2:]], touch), axis=-1
        )

    def measure(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch M"]:
        """Velocity of the spinner, rad/s."""
        first = self._sensors["hinge_velocity"]
        return sensors[..., first : first + 1].copy()

    @staticmethod
    def reward(measures: Any, speed: Any) -> Any:
        """Nearness to the target speed."""
        return moving(measures[..., 0], speed)
