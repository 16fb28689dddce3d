"""The ant's side of a task: what it observes, what it is rewarded for."""

import abc
from typing import ClassVar

import mujoco
import numpy as np
from jaxtyping import Float

from hyperdyn import assets
from hyperdyn.envs.locomotion.base import LocomotionEnv
from hyperdyn.envs.locomotion.ground import Surface

LEGS = (1, 2, 3, 4)
JOINTS = tuple(f"{joint}{leg}" for leg in LEGS for joint in ("hip", "ankle"))
ACTUATORS = tuple(f"{joint}{leg}" for leg in (4, 1, 2, 3) for joint in ("hip", "ankle"))
# It stands at 0.55 m; from 0.35 m above that its front legs clear the steepest slope at x = 0.
START_HEIGHT = 0.90
STANCE = (0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0)
ALIVE = 0.05


class Ant(LocomotionEnv, abc.ABC):
    """A four-legged ant of 0.91 kg; its ground is a subclass's.

    Observation (30, float64): height z of the root (m), its orientation (quaternion x, y, z, w),
    eight joint angles (rad; hip and ankle of legs 1 to 4: front left, back left, back right, front
    right), velocity of the root in the world (m/s), its rotation rate in the robot's own frame
    (rad/s), eight joint rates (rad/s), and the centre of mass of the whole robot in the world (x,
    y, z in m). The paper says only "state". `observation_names` has them in order.

    Action (8): torques in [-1, 1] of 150 N m, hip and ankle of legs 4, 1, 2, 3. (HyperDynamics A.2
    speaks of 10 joints; the ants in common use have 8.)

    Reward (HyperDynamics A.2): `(com_x' - com_x) / 0.02 + 0.05`. Control step 0.02 s: two steps of
    the simulator.

    Start: x = y = 0, 0.35 m above its height on flat ground, so that no leg begins inside a slope;
    noise of N(0, 0.01^2) on positions and N(0, 0.1^2) on velocities.
    """

    observation_names: ClassVar[tuple[str, ...]] = (
        "root_z",
        *(f"root_q{axis}" for axis in "xyzw"),
        *JOINTS,
        *(f"root_velocity_{axis}" for axis in "xyz"),
        *(f"root_rate_{axis}" for axis in "xyz"),
        *(f"{joint}_velocity" for joint in JOINTS),
        "com_x",
        "com_y",
        "com_z",
    )
    constant_observations: ClassVar[tuple[str, ...]] = ()
    action_names: ClassVar[tuple[str, ...]] = ACTUATORS
    frame_skip: ClassVar[int] = 2
    time_step: ClassVar[float] = 0.02
    _position_bound: ClassVar[Float[np.ndarray, " q"]] = np.array(
        [1e3] * 3 + [1.001] * 4 + [2 * np.pi] * 8
    )
    _velocity_bound: ClassVar[Float[np.ndarray, " v"]] = np.array([200.0] * 3 + [1e3] * 11)
    # MuJoCo has w first.
    _shown_positions: ClassVar[tuple[int, ...]] = (2, 4, 5, 6, 3, *range(7, 15))
    _root: ClassVar[int] = 2
    mass: ClassVar[float] = 0.91088
    surface: ClassVar[Surface] = Surface(
        friction=(1.0, 0.5, 0.5), solimp=(0.9, 0.95, 0.001, 0.5, 2.0), half_width=10.0
    )

    def _observation_bound(self) -> Float[np.ndarray, " 30"]:
        # The centre of mass stays within 2 m of the root.
        shown = self._position_bound[list(self._shown_positions)]
        return np.concatenate((shown, self._velocity_bound, self._position_bound[:3] + 2.0))

    def _spec(self) -> mujoco.MjSpec:
        return mujoco.MjSpec.from_file(str(assets.robot("ant")))

    def _start(self) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, " v"]]:
        positions = np.array([0.0, 0.0, START_HEIGHT, 1.0, 0.0, 0.0, 0.0, *STANCE])
        positions += self.np_random.normal(0.0, 0.01, positions.shape)
        positions[3:7] /= np.linalg.norm(positions[3:7])
        return positions, self.np_random.normal(0.0, 0.1, self._velocity_bound.shape)

    def _reward(self, moved: float, action: Float[np.ndarray, " 8"]) -> float:
        return moved / self.time_step + ALIVE
