"""What the families share: the choice of a task, the simulation step, divergence, pictures."""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import mujoco
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from hyperdyn import assets
from hyperdyn.envs._checks import clipped_action
from hyperdyn.envs.contexts import property_values, require_options
from hyperdyn.envs.locomotion.ground import Surface, add_flat
from hyperdyn.envs.meta.tasks import FAMILIES, SPLITS
from hyperdyn.envs.mujoco_env import Info, MujocoEnv
from hyperdyn.envs.simulation import advance, without_warnings
from hyperdyn.errors import InputError, require_known

_METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}
# Beyond these a simulation has diverged: m or rad, and m/s or rad/s.
MOST_POSITION = 1e4
MOST_VELOCITY = 1e3


class MetaEnv(MujocoEnv):
    """A robot on flat ground whose task is one number of its reward, which it does not observe.

    Control step 0.05 s: five of the simulator. (Other families here have cheetahs of 0.01 s; their
    returns are not comparable.) The registered length, 200 steps, ends an episode; so do a body's
    own limits and a diverged simulation, not finite or beyond the state bounds. MuJoCo's own answer
    to the latter, a silent reset, is switched off.

    Reset options:
        split: "train" (the default) or "test", to draw one of its published tasks.
        task: Index of a published task.
        velocity or direction: The number itself, any in the family's bounds.

    `info["context"]` has the number by its name, "split" ("given" if it was set), and "task" for
    a published task that was drawn or asked for.

    Attributes:
        family: The published tasks.
        observation_names: What each entry of an observation is, in order.
        constant_observations: Those of them that never vary.
        action_names: The joint each entry of an action drives, in order.
        property_names: The family's variable.
        splits: Names the reset option "split" takes.
        frame_skip: Simulator steps a step.
        time_step: Seconds a step.

    Args:
        render_mode: None, or "rgb_array" for pictures from a camera that follows the robot.
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.

    Raises:
        InputError: If the render mode is another, or a picture would have no or too many pixels.
    """

    metadata = _METADATA
    splits: ClassVar[tuple[str, ...]] = SPLITS
    frame_skip: ClassVar[int] = 5
    time_step: ClassVar[float] = 0.05
    _family: ClassVar[str]
    _robot: ClassVar[str]
    _surface: ClassVar[Surface]

    def __init__(
        self, *, render_mode: str | None = None, width: int = 480, height: int = 270
    ) -> None:
        """Compile the robot on its ground; the task is chosen at reset."""
        self.family = FAMILIES[self._family]
        self.property_names = (self.family.variable,)
        super().__init__(render_mode=render_mode, width=width, height=height)
        spec = mujoco.MjSpec.from_file(str(assets.robot(self._robot)))
        add_flat(spec, self._surface)
        self._simulate(spec)
        self._value: float | None = None

    @abc.abstractmethod
    def _observe(self) -> Float[np.ndarray, " S"]:
        """The observation of the simulator's state."""

    @abc.abstractmethod
    def _reward(
        self, value: float, moved: Float[np.ndarray, "2"], action: Float[np.ndarray, " A"]
    ) -> float:
        """Reward of a step.

        Args:
            value: The task's number.
            moved: Of the torso, x and y, m.
            action: Clipped.
        """

    def _feel(self) -> None:
        """Read the forces of a step's last simulator step, as long as MuJoCo has them."""

    def _has_ended(self) -> bool:
        """Whether the body has left its own limits."""
        return False

    @property
    def task_value(self) -> float:
        """The number of this episode's task, m/s or rad.

        Raises:
            InputError: Before the first reset.
        """
        if self._value is None:
            raise InputError("The task is chosen at reset: call reset() first.")
        return self._value

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float[np.ndarray, " S"], Info]:
        """Choose a task and put the robot at the start, as gymnasium does.

        Joints and root are off by U(-0.1, 0.1) (m, rad), velocities by N(0, 0.1^2).

        Args:
            seed: Of all that is drawn from here on; None: go on drawing.
            options: See the class.

        Returns:
            The observation, and info with "context".

        Raises:
            InputError: If an option is unknown or out of range.
            UnknownNameError: If the split is unknown.
        """
        super().reset(seed=seed)
        # Before the task is drawn: one seed is one start, whatever the task.
        positions = self.np_random.uniform(-0.1, 0.1, self.model.nq)
        velocities = self.np_random.normal(0.0, 0.1, self.model.nv)
        self._value, chosen = self._choose(options or {}, self.np_random)
        mujoco.mj_resetData(self.model, self.data)
        without_warnings(self.data)
        self.data.qpos += positions
        self.data.qvel += velocities
        mujoco.mj_normalizeQuat(self.model, self.data.qpos)
        mujoco.mj_step1(self.model, self.data)
        self._observation = self._observe()
        return self._observation.copy(), {"context": {self.family.variable: self._value, **chosen}}

    def step(self, action: ArrayLike) -> tuple[Float[np.ndarray, " S"], float, bool, bool, Info]:
        """Apply an action for one time step.

        Args:
            action: `A` numbers in [-1, 1], one a joint; others are clipped to it first, and the
                reward counts the clipped.

        Returns:
            Observation, reward, terminated, truncated (never here), and info with "diverged" and
            the torso's mean velocity "velocity_x" and "velocity_y" (m/s). After a divergence the
            observation is the last valid one, and the torso counts as not having moved.

        Raises:
            InputError: If the action has another shape, or is not finite.
        """
        value = self.task_value
        model, data = self.model, self.data
        clipped = clipped_action(action, self.action_names)
        data.ctrl[:] = clipped
        before = data.qpos[:2].copy()
        diverged = advance(model, data, self.frame_skip, self._is_sane, self._feel)
        moved = np.zeros(2)
        if not diverged:
            self._observation = self._observe()
            moved = self._moved(before, data.qpos[:2])
        reward = self._reward(value, moved, clipped)
        x, y = (moved / self.time_step).tolist()
        info = {"diverged": diverged, "velocity_x": x, "velocity_y": y}
        return self._observation.copy(), reward, diverged or self._has_ended(), False, info

    def _moved(
        self, before: Float[np.ndarray, "2"], after: Float[np.ndarray, "2"]
    ) -> Float[np.ndarray, "2"]:
        """How far the torso moved in the plane, from two positions' first two coordinates."""
        moved: np.ndarray = after - before
        return moved

    def _choose(
        self, options: Mapping[str, object], rng: np.random.Generator
    ) -> tuple[float, Info]:
        """The number of the task, and what to say of where it is from."""
        variable = self.family.variable
        require_options(options, ("split", "task", variable))
        if len(options) > 1:
            raise InputError(
                f'Give one of "split", "task" and "{variable}": each decides the task alone; got '
                f"{', '.join(sorted(options))}."
            )
        if variable in options:
            return self._checked(options[variable]), {"split": "given"}
        if "task" in options:
            return self._published(options["task"])
        split = str(options.get("split", self.splits[0]))
        require_known("split", split, self.splits)
        ids = self.family.ids(split)
        task = ids[int(rng.integers(len(ids)))]
        return self.family.values[task], {"split": split, "task": task}

    def _published(self, task: object) -> tuple[float, Info]:
        count = len(self.family.values)
        if not isinstance(task, int | np.integer) or not 0 <= task < count:
            raise InputError(
                f'Option "task" is the index of a published task, 0 to {count - 1}; got {task!r}.'
            )
        return self.family.values[task], {"split": "given", "task": int(task)}

    def _checked(self, given: object) -> float:
        variable, (low, high) = self.family.variable, self.family.bounds
        value = float(property_values(variable, given, 1, "robot")[0])
        if not low <= value <= high:
            raise InputError(f"Option {variable!r} must lie in [{low:g}, {high:g}]; got {value}.")
        return value

    def _is_sane(self) -> bool:
        """Whether every coordinate is within its bound; a NaN is within none."""
        return bool(
            (np.abs(self.data.qpos) <= MOST_POSITION).all()
            and (np.abs(self.data.qvel) <= MOST_VELOCITY).all()
        )
