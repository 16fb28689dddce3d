"""What robots and bodies in MuJoCo share as environments: spaces, the model at hand, pictures."""

import abc
from typing import Any, ClassVar

import gymnasium
import mujoco
import numpy as np
from jaxtyping import Float, UInt8

from hyperdyn.envs._checks import require_picture
from hyperdyn.envs.rendering import OffscreenRenderer
from hyperdyn.envs.simulation import without_resets, without_warnings
from hyperdyn.errors import InputError

Info = dict[str, Any]


class MujocoEnv(gymnasium.Env[np.ndarray, np.ndarray], abc.ABC):
    """A body in MuJoCo, whose model may be another one after each reset.

    Attributes:
        observation_names: What each entry of an observation is, in order.
        constant_observations: Those of them that never vary (a spread of zero).
        action_names: The joint each entry of an action drives, in order.
        frame_skip: Simulator steps a step.
        time_step: Seconds a step.

    Args:
        render_mode: None, or "rgb_array" for pictures.
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.

    Raises:
        InputError: If the render mode is another, or a picture would have no or too many pixels.
    """

    observation_names: ClassVar[tuple[str, ...]]
    constant_observations: ClassVar[tuple[str, ...]] = ()
    action_names: ClassVar[tuple[str, ...]]
    frame_skip: ClassVar[int]
    time_step: ClassVar[float]
    _camera: ClassVar[str] = "track"

    def __init__(
        self, *, render_mode: str | None = None, width: int = 480, height: int = 270
    ) -> None:
        """Declare the spaces; what is simulated is compiled when it is known."""
        self._picture_size = require_picture(render_mode, width, height)
        self.render_mode = render_mode
        bound = self._observation_bound()
        self.observation_space = gymnasium.spaces.Box(-bound, bound, dtype=np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (len(self.action_names),), np.float32)
        self._model: mujoco.MjModel | None = None
        self._renderer: OffscreenRenderer | None = None

    @abc.abstractmethod
    def _observation_bound(self) -> Float[np.ndarray, " O"]:
        """Magnitude of each observation that no state within the state bounds exceeds."""

    @property
    def model(self) -> mujoco.MjModel:
        """The MuJoCo model of this episode; a reset, or a change, may bring another.

        Raises:
            InputError: Before the first reset.
        """
        if self._model is None:
            raise InputError("What is simulated is drawn at reset: call reset() first.")
        return self._model

    @property
    def data(self) -> mujoco.MjData:
        """The MuJoCo state behind `model`.

        Raises:
            InputError: Before the first reset.
        """
        _ = self.model
        return self._data

    def render(self) -> UInt8[np.ndarray, "height width 3"] | None:
        """Draw the body from its camera; None without a render mode.

        Raises:
            InputError: Before the first reset.
            RenderingUnavailableError: If there is no off-screen OpenGL on this machine.
        """
        if self.render_mode is None:
            return None
        if self._renderer is None:
            self._renderer = OffscreenRenderer(self.model, self._camera, *self._picture_size)
        return self._renderer.render(self.data)

    def close(self) -> None:
        """Free the OpenGL context, if there is one."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _simulate(self, spec: mujoco.MjSpec) -> None:
        """Compile what is simulated from now on, in MuJoCo's initial state."""
        self.close()
        self._model = spec.compile()
        without_resets(self._model)
        self._data = mujoco.MjData(self._model)
        without_warnings(self._data)
