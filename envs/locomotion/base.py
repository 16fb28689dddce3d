"""What the locomotion tasks share: the simulation step, resets, divergence, pictures."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium
import mujoco
import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import ArrayLike

from hyperdyn.envs._checks import clipped_action, require_picture
from hyperdyn.envs.contexts import require_options
from hyperdyn.envs.locomotion.ground import Surface
from hyperdyn.envs.locomotion.hidden import HiddenProperties, Properties, copied
from hyperdyn.envs.locomotion.robot_view import RobotView
from hyperdyn.envs.rendering import OffscreenRenderer
from hyperdyn.envs.simulation import advance, without_resets, without_warnings
from hyperdyn.errors import InputError

Info = dict[str, Any]
_METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 100}
# What moves beside the robot, blocks of a pier, is beyond these when it has diverged: m, m/s.
BLOCK_RISE = 10.0
BLOCK_SPEED = 200.0
STATE = mujoco.mjtState.mjSTATE_INTEGRATION.value


class LocomotionEnv(gymnasium.Env[np.ndarray, np.ndarray], HiddenProperties, abc.ABC):
    """A robot and its ground, with hidden properties that are drawn at reset.

    A task is a robot (`Cheetah`, `Ant`: start, observation, reward) and what is hidden (`_draw`,
    `_checked`, `_fit`). No state is terminal but a diverged one, not finite or beyond the state
    bounds; MuJoCo's own answer to those, a silent reset, is switched off. The registered length
    ends an episode.

    The properties may change within an episode: at a time of the caller's choice (`change`), or
    after numbers of steps that are known at reset, with `options={"schedule": {250: {"split":
    "novel"}, 400: {NAME: VALUES}}}`. What the schedule leaves open is drawn at reset from
    `self.np_random`, and `info["schedule"]` says what will come; the `info` of the first step
    under new properties has the new "context".

    Attributes:
        observation_names: What each entry of an observation is, in order.
        constant_observations: Those of them that never vary (a spread of zero).
        action_names: The joint each entry of an action drives, in order.
        property_names: The hidden properties: the keys of `info["context"]` that, given back as
            reset options with the same seed, repeat an episode's start and ground exactly.
        splits: Names the reset option "split" takes; the first is the training distribution.
        frame_skip: Simulator steps a step.
        time_step: Seconds a step.
        mass: Of the robot as it is, kg.
        surface: What its ground is like.

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
    frame_skip: ClassVar[int]
    time_step: ClassVar[float]
    mass: ClassVar[float]
    surface: ClassVar[Surface]
    # Of the robot's own coordinates, which come first in MuJoCo's:
    _position_bound: ClassVar[Float[np.ndarray, " q"]]
    _velocity_bound: ClassVar[Float[np.ndarray, " v"]]
    _shown_positions: ClassVar[tuple[int, ...]]
    _root: ClassVar[int]

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
    def _spec(self) -> mujoco.MjSpec:
        """The robot alone."""

    @abc.abstractmethod
    def _fit(self, spec: mujoco.MjSpec) -> None:
        """Put the hidden properties into the robot's model, and its ground below it."""

    @abc.abstractmethod
    def _start(self) -> tuple[Float[np.ndarray, " q"], Float[np.ndarray, " v"]]:
        """The robot's initial positions and velocities, with noise from `self.np_random`."""

    @abc.abstractmethod
    def _reward(self, moved: float, action: Float[np.ndarray, " A"]) -> float:
        """Reward for the centre of mass having `moved` (m) in x under the clipped `action`."""

    def _ground(self, x: float) -> Info:
        """What `info` says about the ground at `x` (m)."""
        return {}

    def _constants(self) -> Info:
        """What a context says beside the properties, and the split they are from."""
        return {}

    def _settled(self, properties: Properties) -> Properties:
        """What of a change comes into effect: all of it, if no ground is in the way."""
        return properties

    @property
    def state_view(self) -> RobotView:
        """How observations and the simulator's state of this episode follow from each other."""
        return self.shared_view((self,))

    def shared_view(self, envs: Sequence["LocomotionEnv"]) -> RobotView:
        """`state_view` of several environments that are like this one, a row each."""
        model = self._require_reset()
        return RobotView(model, shown=self._shown(model), root=self._root, running=envs)

    @property
    def state_bounds(self) -> tuple[Float[np.ndarray, " nq"], Float[np.ndarray, " nv"]]:
        """Magnitudes of `qpos` and `qvel` beyond which an episode counts as diverged."""
        model = self._require_reset()
        beside = model.nv - self._velocity_bound.size
        return (
            np.append(self._position_bound, np.full(beside, BLOCK_RISE)),
            np.append(self._velocity_bound, np.full(beside, BLOCK_SPEED)),
        )

    @property
    def model(self) -> mujoco.MjModel:
        """The MuJoCo model of this episode: a new one after each reset and each change."""
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

        Args:
            seed: Of all that is drawn from here on; None: go on drawing.
            options: "split", values of properties, and "schedule" (see above).

        Returns:
            The observation, and info with "context" (the hidden properties, the split they are
            from, and what else there is to know), "com_x" (m), what is said of the ground there,
            and, where there is one, "schedule".

        Raises:
            InputError: If an option is unknown or out of range.
            UnknownNameError: If a split is unknown.
        """
        super().reset(seed=seed)
        # Before the ground is drawn: one seed is one start, whatever the split or the options.
        positions, velocities = self._start()
        chosen = dict(options or {})
        require_options(chosen, ("split", "schedule", *self.property_names))
        schedule = chosen.pop("schedule", {})
        self._properties, self._split = self._choose(chosen, self.np_random)
        self._schedule = self._choose_schedule(schedule, self.np_random)
        self._steps = 0
        self._load()
        self._data.qpos[: positions.size] = positions
        self._data.qvel[: velocities.size] = velocities
        mujoco.mj_step1(self._model, self._data)
        self._observation = self._observe()
        com_x = float(self._com[0])
        info = {"context": self._context(), "com_x": com_x, **self._ground(com_x)}
        if self._schedule:
            info["schedule"] = {
                step: {**copied(properties), "split": split}
                for step, (properties, split) in self._schedule.items()
            }
        return self._observation.copy(), info

    def change(self, **options: object) -> Info:
        """Change hidden properties now, in the middle of an episode, which goes on as it stands.

        Args:
            options: "split", to draw from it all that is not given, or values of properties; those
                that are neither drawn nor given stay. Draws come from `self.np_random`.

        Returns:
            The new context, as in `info["context"]`.

        Raises:
            InputError: If an option is unknown or out of range, or there is none.
            UnknownNameError: If the split is unknown.
        """
        self._require_reset()
        self._apply(*self._choose_change(options, self.np_random))
        return self._context()

    def step(self, action: ArrayLike) -> tuple[Float[np.ndarray, " S"], float, bool, bool, Info]:
        """Apply an action for one time step, under new properties if the schedule says so.

        Args:
            action: `A` numbers in [-1, 1], one a joint; others are clipped to it first, and the
                reward counts the clipped.

        Returns:
            Observation, reward, terminated (only when the simulation diverged), truncated (never
            here), and info with "com_x" (m), "diverged", what is said of the ground there, and
            "context" where the schedule has just changed it. After a divergence the observation is
            the last valid one.

        Raises:
            InputError: If the action has another shape, or is not finite.
        """
        self._require_reset()
        clipped = clipped_action(action, self.action_names)
        changed = self._schedule.get(self._steps)
        if changed is not None:
            self._apply(*changed)
        self._steps += 1
        model, data = self._require_reset(), self._data
        data.ctrl[:] = clipped
        before = float(self._com[0])
        diverged = advance(model, data, self.frame_skip, self._is_sane)
        if not diverged:
            self._observation = self._observe()
        com_x = float(self._com[0])
        info = {"com_x": com_x, "diverged": diverged, **self._ground(com_x)}
        if changed is not None:
            info["context"] = self._context()
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

    def _context(self) -> Info:
        """The hidden properties, as fresh objects, for `info["context"]`."""
        return {**copied(self._properties), **self._constants(), "split": self._split}

    def _apply(self, properties: Properties, split: str) -> None:
        """Take on some new properties, in a new model at the state of the old one."""
        self._properties = {**self._properties, **self._settled(copied(properties))}
        self._split = split
        old_model, old = self._require_reset(), self._data
        self._load()
        state = np.empty(mujoco.mj_stateSize(old_model, STATE))
        mujoco.mj_getState(old_model, old, state, STATE)
        mujoco.mj_setState(self._model, self._data, state, STATE)
        mujoco.mj_step1(self._model, self._data)

    def _load(self) -> None:
        """Compile the robot with its properties on its ground, in MuJoCo's initial state."""
        self._free_renderer()
        spec = self._spec()
        self._fit(spec)
        self._model = spec.compile()
        without_resets(self._model)
        self._data = mujoco.MjData(self._model)
        without_warnings(self._data)
        self._com = self._data.subtree_com[self._model.body("torso").id]
        self._columns = np.array(self._shown(self._model))
        self._bounds = self.state_bounds

    def _shown(self, model: mujoco.MjModel) -> tuple[int, ...]:
        """Entries of `qpos` and `qvel`, one after the other, that an observation begins with."""
        return *self._shown_positions, *range(model.nq, model.nq + self._velocity_bound.size)

    def _observe(self) -> Float[np.ndarray, " S"]:
        state = np.concatenate((self._data.qpos, self._data.qvel))
        return np.concatenate((state[self._columns], self._com))

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
            (np.abs(data.qpos) <= self._bounds[0]).all()
            and (np.abs(data.qvel) <= self._bounds[1]).all()
        )
