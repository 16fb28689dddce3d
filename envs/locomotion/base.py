"""What the locomotion tasks share: the simulation step, resets, divergence, pictures."""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import mujoco
import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import ArrayLike

from hyperdyn.envs._checks import clipped_action, require_picture
from hyperdyn.envs.rendering import OffscreenRenderer
from hyperdyn.envs.state_view import StateView
from hyperdyn.errors import InputError

Info = dict[str, Any]
_METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 100}
_BAD_STATE = (
    mujoco.mjtWarning.mjWARN_BADQPOS,
    mujoco.mjtWarning.mjWARN_BADQVEL,
    mujoco.mjtWarning.mjWARN_BADQACC,
)


class LocomotionEnv(gymnasium.Env[np.ndarray, np.ndarray], abc.ABC):
    """A robot on ground whose properties are hidden, drawn at reset, constant in an episode.

    A subclass names its robot's observation and reward (`_observe`, `_reward`) and its ground
    (`_draw`, `_build`, `_context`, `_ground`). One step is one step of the simulator: no frame
    skip. No state is terminal but a diverged one, not finite or beyond the state bounds; MuJoCo's
    own answer to those, a silent reset, is switched off. The registered length ends an episode.

    Attributes:
        observation_names: What each entry of an observation is, in order.
        constant_observations: Those of them that never vary (a spread of zero).
        action_names: The joint each entry of an action drives, in order.
        property_names: The hidden properties: the keys of `info["context"]` that, given back as
            reset options with the same seed, repeat an episode's start and ground exactly.
        time_step: Seconds a step.

    Args:
        render_mode: None, or "rgb_array" for pictures from a camera that follows the robot.
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.

    Raises:
        InputError: If the render mode is another, or a picture would have no or too many pixels.
    """

    metadata = _METADATA
    observation_names: ClassVar[tuple[str, ...]]
    constant_observations: ClassVar[tuple[str, ...]]
    action_names: ClassVar[tuple[str, ...]]
    property_names: ClassVar[tuple[str, ...]]
    time_step: ClassVar[float]
    _position_bound: ClassVar[Float[np.ndarray, " nq"]]
    _velocity_bound: ClassVar[Float[np.ndarray, " nv"]]

    def __init__(
        self, *, render_mode: str | None = None, width: int = 480, height: int = 270
    ) -> None:
        """Declare the spaces; the model is built at reset, when its ground is known."""
        self._picture_size = require_picture(render_mode, width, height)
        self.render_mode = render_mode
        bound = self._observation_bound()
        self.observation_space = gymnasium.spaces.Box(-bound, bound, dtype=np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (len(self.action_names),), np.float32)
        self._model: mujoco.MjModel | None = None
        self._renderer: OffscreenRenderer | None = None

    @abc.abstractmethod
    def _observation_bound(self) -> Float[np.ndarray, " S"]:
        """Magnitude of each observation that no state within the state bounds exceeds."""

    @abc.abstractmethod
    def _draw(self, options: Mapping[str, object]) -> None:
        """Take the hidden properties from the options, or draw them from `self.np_random`."""

    @abc.abstractmethod
    def _build(self) -> mujoco.MjModel:
        """Compile the robot on the ground last drawn."""

    @abc.abstractmethod
    def _context(self) -> Info:
        """The hidden properties last drawn, as fresh objects, for `info["context"]`."""

    @abc.abstractmethod
    def _ground(self, x: float) -> Info:
        """What `info` says about the ground at `x` (m)."""

    @abc.abstractmethod
    def _start(self) -> tuple[Float[np.ndarray, " nq"], Float[np.ndarray, " nv"]]:
        """Initial positions and velocities, with noise from `self.np_random`."""

    @abc.abstractmethod
    def _observe(self) -> Float[np.ndarray, " S"]:
        """The observation of the current state, as a new array."""

    @abc.abstractmethod
    def _reward(self, moved: float, action: Float[np.ndarray, " A"]) -> float:
        """Reward for the centre of mass having `moved` (m) in x under the clipped `action`."""

    @property
    @abc.abstractmethod
    def state_view(self) -> StateView:
        """How observations and the simulator's state of this episode follow from each other."""

    @property
    def state_bounds(self) -> tuple[Float[np.ndarray, " nq"], Float[np.ndarray, " nv"]]:
        """Magnitudes of `qpos` and `qvel` beyond which an episode counts as diverged."""
        return self._position_bound.copy(), self._velocity_bound.copy()

    @property
    def model(self) -> mujoco.MjModel:
        """The MuJoCo model of this episode: a new one after each reset."""
        return self._require_reset()

    @property
    def data(self) -> mujoco.MjData:
        """The MuJoCo state behind `model`."""
        self._require_reset()
        return self._data

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float[np.ndarray, " S"], Info]:
        """Draw (or take from `options`) the hidden properties and put the robot at the start.

        Returns:
            The observation, and info with "context" (the hidden properties) and "com_x" (m).

        Raises:
            InputError: If an option is unknown or out of range.
            UnknownNameError: If a split is unknown.
        """
        super().reset(seed=seed)
        # Before the ground is drawn: one seed is one start, whatever the split or the options.
        positions, velocities = self._start()
        self._draw(options or {})
        self._free_renderer()
        self._model = self._build()
        self._model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
        self._data = mujoco.MjData(self._model)
        # A warning already counted is not printed: the check in `step` reports it instead.
        for warning in _BAD_STATE:
            self._data.warning[warning].number = 1
        self._com = self._data.subtree_com[self._model.body("torso").id]
        self._data.qpos[:] = positions
        self._data.qvel[:] = velocities
        mujoco.mj_step1(self._model, self._data)
        self._observation = self._observe()
        com_x = float(self._com[0])
        info = {"context": self._context(), "com_x": com_x, **self._ground(com_x)}
        return self._observation.copy(), info

    def step(self, action: ArrayLike) -> tuple[Float[np.ndarray, " S"], float, bool, bool, Info]:
        """Apply an action for one time step.

        Args:
            action: `A` numbers in [-1, 1], one a joint; others are clipped to it first, and the
                reward counts the clipped.

        Returns:
            Observation, reward, terminated (only when the simulation diverged), truncated (never
            here), and info with "com_x" (m), "diverged" and what is said of the ground there.
            After a divergence the observation is the last valid one.

        Raises:
            InputError: If the action has another shape, or is not finite.
        """
        model, data = self._require_reset(), self._data
        clipped = clipped_action(action, self.action_names)
        data.ctrl[:] = clipped
        before = float(self._com[0])
        # `mj_step` in its two halves, so that positions derived from the new state are known now.
        mujoco.mj_step2(model, data)
        diverged = not self._is_sane()
        if not diverged:
            mujoco.mj_step1(model, data)
            self._observation = self._observe()
        com_x = float(self._com[0])
        info = {"com_x": com_x, "diverged": diverged, **self._ground(com_x)}
        reward = self._reward(com_x - before, clipped)
        return self._observation.copy(), reward, diverged, False, info

    def render(self) -> UInt8[np.ndarray, "height width 3"] | None:
        """Draw the robot from a camera that follows it; None without a render mode.

        Raises:
            RenderingUnavailableError: If there is no off-screen OpenGL on this machine.
        """
        if self.render_mode is None:
            return None
        model = self._require_reset()
        if self._renderer is None:
            self._renderer = OffscreenRenderer(model, "track", *self._picture_size)
        return self._renderer.render(self._data)

    def close(self) -> None:
        """Free the OpenGL context, if there is one."""
        self._free_renderer()

    def _free_renderer(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _require_reset(self) -> mujoco.MjModel:
        if self._model is None:
            raise InputError("The ground is drawn at reset: call reset() first.")
        return self._model

    def _is_sane(self) -> bool:
        """Whether every coordinate is within its bound; a NaN is within none."""
        data = self._data
        return bool(
            (np.abs(data.qpos) <= self._position_bound).all()
            and (np.abs(data.qvel) <= self._velocity_bound).all()
        )
