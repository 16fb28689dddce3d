"""The suite's walker: walk forward or backward upright, with a torso of some length."""

from typing import Any, ClassVar

import mujoco
import numpy as np
from jaxtyping import Float

from hyperdyn.envs.suite.base import MOST_POSITION, MOST_VELOCITY, SuiteEnv
from hyperdyn.envs.suite.rewards import moving, standing
from hyperdyn.envs.suite.start import randomise_joints

SIDES = ("right", "left")
JOINTS = tuple(f"{side}_{joint}" for side in SIDES for joint in ("hip", "knee", "ankle"))
PARTS = ("torso", *(f"{side}_{part}" for side in SIDES for part in ("thigh", "leg", "foot")))
ROOT_Z, ROOT_PITCH = 0, 2
TORSO_HEIGHT = 1.3
VELOCITIES = ("rootz", "rootx", "rooty", *JOINTS)


class SuiteWalker(SuiteEnv):
    """A planar walker.

    Observation (24): of torso, right and left thigh, leg and foot the cosine and sine of the pitch
    (`xmat` xx and xz), the torso's height (m), `qvel` (m/s, rad/s). Action (6): the joints' torques
    in units of their gears. Reward: how well it stands, times (5 · `moving` of its x velocity + 1)
    / 6. Start: all joints drawn within their limits, and the pitch all the way round. Control step
    0.025 s.

    "length" is half that of the torso's capsule about its centre; the legs stay where they are, and
    the torso's mass grows with it.
    """

    body: ClassVar[str] = "walker"
    observation_names: ClassVar[tuple[str, ...]] = (
        *(f"{part}_{entry}" for part in PARTS for entry in ("xx", "xz")),
        "height",
        *(f"{joint}_velocity" for joint in VELOCITIES),
    )
    action_names: ClassVar[tuple[str, ...]] = JOINTS
    measures: ClassVar[tuple[str, ...]] = ("velocity", "standing")
    frame_skip: ClassVar[int] = 10
    time_step: ClassVar[float] = 0.025
    default_speed: ClassVar[float] = 1.0
    default_length: ClassVar[float] = 0.3
    length_range: ClassVar[tuple[float, float]] = (0.05, 1.0)
    _camera: ClassVar[str] = "side"

    def _observation_bound(self) -> Float[np.ndarray, " O"]:
        return np.array([1.0] * 14 + [TORSO_HEIGHT + MOST_POSITION] + [MOST_VELOCITY] * 9)

    def _fit(self, spec: mujoco.MjSpec, length: float) -> None:
        spec.geom("torso").size[1] = length

    def _place(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        randomise_joints(model, data, rng)

    def observe(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch O"]:
        """Pitches of all parts, the torso's height, and all velocities."""
        # The legs' axes point the other way.
        pitch = physics[..., ROOT_PITCH : ROOT_PITCH + 1]
        bent = physics[..., ROOT_PITCH + 1 : 9].reshape(*physics.shape[:-1], 2, 3).cumsum(axis=-1)
        legs = pitch - bent.reshape(*physics.shape[:-1], 6)
        pitches = np.concatenate((pitch, legs), axis=-1)
        turned = np.stack((np.cos(pitches), np.sin(pitches)), axis=-1)
        height = TORSO_HEIGHT + physics[..., ROOT_Z : ROOT_Z + 1]
        turned = turned.reshape(*physics.shape[:-1], 14)
        return np.concatenate((turned, height, physics[..., 9:]), axis=-1)

    def measure(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch M"]:
        """Horizontal velocity of the centre of mass, m/s, and how well it stands, 0 to 1."""
        height = TORSO_HEIGHT + physics[..., ROOT_Z]
        stands = standing(height, np.cos(physics[..., ROOT_PITCH]))
        velocity = sensors[..., self._sensors["torso_subtreelinvel"]]
        return np.stack((velocity, stands), axis=-1)

    @staticmethod
    def reward(measures: Any, speed: Any) -> Any:
        """A sixth for standing alone, the rest for moving while standing."""
        return measures[..., 1] * (5.0 * moving(measures[..., 0], speed) + 1.0) / 6.0
