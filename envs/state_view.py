"""How the states a planner sees relate to the state a simulator keeps."""

import abc
from collections.abc import Sequence

import mujoco
import numpy as np
from jaxtyping import Float


class StateView(abc.ABC):
    """Reads what a planner sees out of MuJoCo's state, and finds MuJoCo's state from it again.

    MuJoCo's state (P numbers) is `qpos`, `qvel` and, where actuators have any, `act`.
    """

    @property
    @abc.abstractmethod
    def dim(self) -> int:
        """S, entries of a state as a planner sees it."""

    @abc.abstractmethod
    def read(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch S"]:
        """What a planner sees of MuJoCo's state and of the `sensordata` that belongs to it."""

    @abc.abstractmethod
    def restore(
        self,
        models: Sequence[mujoco.MjModel],
        data: mujoco.MjData,
        states: Float[np.ndarray, "E S"],
    ) -> Float[np.ndarray, "E P"]:
        """MuJoCo's state behind what a planner sees, one model a row; NaN where there is none.

        Args:
            models: Of the systems.
            data: To compute in; it fits all of the models.
            states: What a planner sees.
        """


class StateFirst(StateView):
    """The planner sees MuJoCo's state, and more behind it.

    Args:
        physics: P.
    """

    def __init__(self, physics: int) -> None:
        self._physics = physics

    def restore(
        self,
        models: Sequence[mujoco.MjModel],
        data: mujoco.MjData,
        states: Float[np.ndarray, "E S"],
    ) -> Float[np.ndarray, "E P"]:
        """MuJoCo's state stands first."""
        return states[:, : self._physics]


class WholeState(StateView):
    """The planner sees MuJoCo's state itself.

    Args:
        dim: P.
    """

    def __init__(self, dim: int) -> None:
        self._dim = dim

    @property
    def dim(self) -> int:
        """P."""
        return self._dim

    def read(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch P"]:
        """MuJoCo's state as it is."""
        return physics

    def restore(
        self,
        models: Sequence[mujoco.MjModel],
        data: mujoco.MjData,
        states: Float[np.ndarray, "E P"],
    ) -> Float[np.ndarray, "E P"]:
        """The state as it is."""
        return states
