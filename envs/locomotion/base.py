"""What the locomotion tasks share: the simulation step, resets, divergence, pictures."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import mujoco
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from hyperdyn.envs._checks import clipped_action
from hyperdyn.envs.contexts import require_options
from hyperdyn.envs.locomotion.ground import Surface
from hyperdyn.envs.locomotion.hidden import HiddenProperties, Properties, copied
from hyperdyn.envs.locomotion.robot_view import RobotView
from hyperdyn.envs.mujoco_env import Info, MujocoEnv
from hyperdyn.envs.simulation import advance

_METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 100}
# What moves beside the robot, blocks of a pier, is beyond these when it has diverged: m, m/s.
BLOCK_RISE = 10.0
BLOCK_SPEED = 200.0
STATE = mujoco.mjtState.mjSTATE_INTEGRATION.value


class LocomotionEnv(MujocoEnv, HiddenProperties):
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
    mass: ClassVar[float]
    surface: ClassVar[Surface]
    # Of the robot's own coordinates, which come first in MuJoCo's:
    _position_bound: ClassVar[Float[np.ndarray, " q"]]
    _velocity_bound: ClassVar[Float[np.ndarray, " v"]]
    _shown_positions: ClassVar[tuple[int, ...]]
    _root: ClassVar[int]

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
        model = self.model
        return RobotView(model, shown=self._shown(model), root=self._root, running=envs)

    @property
    def state_bounds(self) -> tuple[Float[np.ndarray, " nq"], Float[np.ndarray, " nv"]]:
        """Magnitudes of `qpos` and `qvel` beyond which an episode counts as diverged."""
        model = self.model
        beside = model.nv - self._velocity_bound.size
        return (
            np.append(self._position_bound, np.full(beside, BLOCK_RISE)),
            np.append(self._velocity_bound, np.full(beside, BLOCK_SPEED)),
        )

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
        _ = self.model
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
        _ = self.model
        clipped = clipped_action(action, self.action_names)
        changed = self._schedule.get(self._steps)
        if changed is not None:
            self._apply(*changed)
        self._steps += 1
        model, data = self.model, self._data
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

    def _context(self) -> Info:
        """The hidden properties, as fresh objects, for `info["context"]`."""
        return {**copied(self._properties), **self._constants(), "split": self._split}

    def _apply(self, properties: Properties, split: str) -> None:
        """Take on some new properties, in a new model at the state of the old one."""
        self._properties = {**self._properties, **self._settled(copied(properties))}
        self._split = split
        old_model, old = self.model, self._data
        self._load()
        state = np.empty(mujoco.mj_stateSize(old_model, STATE))
        mujoco.mj_getState(old_model, old, state, STATE)
        mujoco.mj_setState(self._model, self._data, state, STATE)
        mujoco.mj_step1(self._model, self._data)

    def _load(self) -> None:
        """Compile the robot with its properties on its ground, in MuJoCo's initial state."""
        spec = self._spec()
        self._fit(spec)
        self._simulate(spec)
        self._com = self._data.subtree_com[self.model.body("torso").id]
        self._columns = np.array(self._shown(self.model))
        self._bounds = self.state_bounds

    def _shown(self, model: mujoco.MjModel) -> tuple[int, ...]:
        """Entries of `qpos` and `qvel`, one after the other, that an observation begins with."""
        return *self._shown_positions, *range(model.nq, model.nq + self._velocity_bound.size)

    def _observe(self) -> Float[np.ndarray, " S"]:
        state = np.concatenate((self._data.qpos, self._data.qvel))
        return np.concatenate((state[self._columns], self._com))

    def _is_sane(self) -> bool:
        """Whether every coordinate is within its bound; a NaN is within none."""
        data = self._data
        return bool(
            (np.abs(data.qpos) <= self._bounds[0]).all()
            and (np.abs(data.qvel) <= self._bounds[1]).all()
        )
