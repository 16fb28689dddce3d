"""How the states a planner sees relate to the state a simulator keeps."""

import abc
from collections.abc import Sequence

import mujoco
import numpy as np
from jaxtyping import Float, Int


class StateView(abc.ABC):
    """Reads what a planner sees out of MuJoCo's state, and finds MuJoCo's state from it again.

    MuJoCo's state (P numbers) is `qpos`, `qvel` and, where actuators have any, `act`.
    """

    @property
    @abc.abstractmethod
    def dim(self) -> int:
        """S, entries of a state as a planner sees it."""

    @property
    @abc.abstractmethod
    def whole(self) -> bool:
        """Whether MuJoCo's state follows from what a planner sees alone, whichever it is."""

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
        states: Float[np.ndarray, "R S"],
        systems: Int[np.ndarray, " R"],
    ) -> Float[np.ndarray, "R P"]:
        """MuJoCo's state behind what a planner sees, row by row; NaN where there is none.

        Args:
            models: Of the systems.
            data: To compute in; it fits all of the models.
            states: What a planner sees.
            systems: Which of the models each row is a state of.
        """


class StateFirst(StateView):
    """The planner sees MuJoCo's state, and more behind it.

    Args:
        physics: P.
    """

    def __init__(self, physics: int) -> None:
        self._physics = physics

    @property
    def whole(self) -> bool:
        """It stands there."""
        return True

    def restore(
        self,
        models: Sequence[mujoco.MjModel],
        data: mujoco.MjData,
        states: Float[np.ndarray, "R S"],
        systems: Int[np.ndarray, " R"],
    ) -> Float[np.ndarray, "R P"]:
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

    @property
    def whole(self) -> bool:
        """It is all there is."""
        return True

    def read(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch P"]:
        """MuJoCo's state as it is."""
        return physics

    def restore(
        self,
        models: Sequence[mujoco.MjModel],
        data: mujoco.MjData,
        states: Float[np.ndarray, "R P"],
        systems: Int[np.ndarray, " R"],
    ) -> Float[np.ndarray, "R P"]:
        """The state as it is."""
        return states
