"""A robot's observation, and the simulator's state behind it."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import mujoco
import numpy as np
from jaxtyping import Float, Int

from hyperdyn.envs.state_view import StateView


@runtime_checkable
class Running(Protocol):
    """An environment with a running simulator."""

    @property
    def data(self) -> mujoco.MjData:
        """The simulator's state."""


class RobotView(StateView):
    """The robot's coordinates, but where its root is, and its centre of mass.

    The root's x (an ant's x and y) is left out of an observation, but follows from the centre of
    mass: the offset between the two depends on the other coordinates alone. What moves beside the
    robot (blocks of a pier) is in no observation; it is taken from the running simulators at the
    moment a state is restored.

    Args:
        model: Of the robot, with the body "torso" and the sensor "com".
        shown: Entries of MuJoCo's state in the order of the observation.
        root: How many of the first coordinates, x and y, the centre of mass stands for.
        running: The E environments whose simulators stand where the states are.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        *,
        shown: Sequence[int],
        root: int,
        running: Sequence[Running],
    ) -> None:
        self._shown = np.array(shown)
        self._root = root
        self._running = tuple(running)
        self._positions = int(model.nq)
        self._physics = int(model.nq + model.nv)
        self._torso = int(model.body("torso").id)
        first = int(model.sensor("com").adr[0])
        self._com = slice(first, first + 3)

    @property
    def dim(self) -> int:
        """S."""
        return len(self._shown) + 3

    @property
    def whole(self) -> bool:
        """Where nothing but the robot moves."""
        return self._root + len(self._shown) == self._physics

    def read(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch S"]:
        """Put the observation together."""
        return np.concatenate((physics[..., self._shown], sensors[..., self._com]), axis=-1)

    def restore(
        self,
        models: Sequence[mujoco.MjModel],
        data: mujoco.MjData,
        states: Float[np.ndarray, "R S"],
        systems: Int[np.ndarray, " R"],
    ) -> Float[np.ndarray, "R P"]:
        """Find where the root is; the rest is there, or in the running simulators."""
        now = np.stack([np.concatenate((e.data.qpos, e.data.qvel)) for e in self._running])
        physics: Float[np.ndarray, "R P"] = now[systems]
        physics[:, self._shown] = states[:, :-3]
        physics[:, : self._root] = 0.0
        for system, row, com in zip(systems, physics, states[:, -3:], strict=True):
            data.qpos[:] = row[: self._positions]
            mujoco.mj_kinematics(models[system], data)
            mujoco.mj_comPos(models[system], data)
            row[: self._root] = (com - data.subtree_com[self._torso])[: self._root]
        return physics
