"""The half-cheetah's observation, and the simulator's state behind it."""

from collections.abc import Sequence

import mujoco
import numpy as np
from jaxtyping import Float

from hyperdyn.envs.state_view import StateView


class CheetahView(StateView):
    """`qpos[1:]`, `qvel` and the centre of mass, as the environment observes them.

    The root's x is left out of an observation, but follows from the centre of mass: the offset
    between the two depends on the pitch and the joints alone.

    Args:
        model: Of the robot, with the sensor "com".
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._positions = int(model.nq)
        self._dim = int(model.nq - 1 + model.nv + 3)
        self._torso = int(model.body("torso").id)
        first = int(model.sensor("com").adr[0])
        self._com = slice(first, first + 3)

    @property
    def dim(self) -> int:
        """20."""
        return self._dim

    def read(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch S"]:
        """Put the observation together."""
        return np.concatenate((physics[..., 1:], sensors[..., self._com]), axis=-1)

    def restore(
        self,
        models: Sequence[mujoco.MjModel],
        data: mujoco.MjData,
        states: Float[np.ndarray, "E S"],
    ) -> Float[np.ndarray, "E P"]:
        """Find the root's x; the rest is there."""
        physics = np.concatenate((np.zeros((len(states), 1)), states[:, :-3]), axis=1)
        for model, row, com_x in zip(models, physics, states[:, -3], strict=True):
            data.qpos[:] = row[: self._positions]
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            row[0] = com_x - data.subtree_com[self._torso, 0]
        return physics
