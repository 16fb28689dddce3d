"""What the suite's tasks share: specifications, the simulation step, divergence, pictures."""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import mujoco
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from hyperdyn.envs._checks import clipped_action
from hyperdyn.envs.contexts import property_values, require_options
from hyperdyn.envs.mujoco_env import Info, MujocoEnv
from hyperdyn.envs.simulation import advance
from hyperdyn.envs.suite.grids import GRIDS, LENGTH, SPEED, Grid
from hyperdyn.envs.suite.models import read_model
from hyperdyn.errors import InputError, require_known

_METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 50}
# Beyond these a simulation has diverged: m or rad, and m/s or rad/s.
MOST_POSITION = 1e4
MOST_VELOCITY = 1e3
FASTEST = 100.0


class SuiteEnv(MujocoEnv):
    """A body of the DeepMind Control Suite with a target speed and a length of its own.

    The tasks of HyperZero (Rezaei-Shoshtari et al., 2023) and HyPoGen: observation, start and
    control step are dm_control's, the reward is 1 from the target speed on and falls off linearly
    below it (`rewards.moving`). What a task does not vary has the body's default. No state is
    terminal but a diverged one, not finite or beyond the state bounds; MuJoCo's own answer to
    those, a silent reset, is switched off. The registered length, 1000 steps, ends an episode.

    Reset options:
        split: "train" (the default) or "test": a specification of the task's grid, drawn from the
            ids of that split.
        split_number: Which of the task's splits; 0 unless given.
        speed: Target, m/s (rad/s of the finger's spinner), its sign the direction; for tasks that
            vary it.
        length: Of the torso or link, m; for tasks that vary it.

    What is varied and not given is drawn. `info["context"]` has "speed", "length" (both, whatever
    is varied), "split" ("given" if nothing was drawn), and with a split "split_number" and, where
    all of the specification was drawn, its "id".

    Attributes:
        observation_names: What each entry of an observation is, in order.
        constant_observations: Those of them that never vary.
        action_names: The joint each entry of an action drives, in order.
        property_names: What the task varies: "speed", "length" or both.
        splits: Names the reset option "split" takes.
        grid: The task's specifications.
        frame_skip: Simulator steps a step.
        time_step: Seconds a step.
        measures: What the reward is computed from, beside the target.

    Args:
        task: Name in `GRIDS`, of this body.
        render_mode: None, or "rgb_array" for pictures.
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.

    Raises:
        UnknownNameError: If this body has no such task.
        InputError: If the render mode is another, or a picture would have no or too many pixels.
    """

    metadata = _METADATA
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    body: ClassVar[str]
    measures: ClassVar[tuple[str, ...]]
    default_speed: ClassVar[float]
    default_length: ClassVar[float]
    length_range: ClassVar[tuple[float, float]]

    def __init__(
        self,
        *,
        task: str,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 270,
    ) -> None:
        """Declare the spaces; the model is built at reset, when its length is known."""
        grids = {name: grid for name, grid in GRIDS.items() if name.startswith(self.body)}
        require_known(f"{self.body} task", task, grids)
        self.grid: Grid = grids[task]
        self.property_names = self.grid.names
        super().__init__(render_mode=render_mode, width=width, height=height)

    @abc.abstractmethod
    def _fit(self, spec: mujoco.MjSpec, length: float) -> None:
        """Give the body its length."""

    def _finish(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Set what is set in a compiled model, if anything."""

    @abc.abstractmethod
    def _place(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Put the body at a random start, as dm_control does."""

    @abc.abstractmethod
    def observe(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch O"]:
        """Observations of simulator states.

        Args:
            physics: `qpos` and `qvel`.
            sensors: The `sensordata` that belong to them.
        """

    @abc.abstractmethod
    def measure(
        self, physics: Float[np.ndarray, "*batch P"], sensors: Float[np.ndarray, "*batch D"]
    ) -> Float[np.ndarray, "*batch M"]:
        """What the reward of simulator states is computed from, in the order of `measures`."""

    @staticmethod
    @abc.abstractmethod
    def reward(measures: Any, speed: Any) -> Any:
        """Reward of measures [*batch, M] for target speeds that broadcast to [*batch].

        Arrays in, an array out; tensors in, a tensor out.
        """

    @property
    def specification(self) -> dict[str, float]:
        """Target "speed" and "length" of this episode."""
        _ = self.model
        return dict(self._specification)

    def physics(self) -> Float[np.ndarray, " P"]:
        """The simulator's state now: `qpos` and `qvel`."""
        return np.concatenate((self.data.qpos, self.data.qvel))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float[np.ndarray, " O"], Info]:
        """Draw (or take from `options`) a specification and put its body at a random start.

        Args:
            seed: Of all that is drawn from here on; None: go on drawing.
            options: See the class.

        Returns:
            The observation, and info with "context".

        Raises:
            InputError: If an option is unknown or out of range.
            UnknownNameError: If the split is unknown.
            HyperdynError: If dm_control is not installed.
        """
        super().reset(seed=seed)
        # Apart, so that what is drawn for one is nothing to the other.
        start = np.random.default_rng(int(self.np_random.integers(2**63)))
        self._specification, drawn = self._choose(options or {}, self.np_random)
        self._load(self._specification[LENGTH])
        model = self.model
        self._place(model, self._data, start)
        self._data.time = 0.0
        mujoco.mj_forward(model, self._data)
        self._look()
        context = {**self._specification, **drawn}
        return self._observation.copy(), {"context": context}

    def step(self, action: ArrayLike) -> tuple[Float[np.ndarray, " O"], float, bool, bool, Info]:
        """Apply an action for one time step.

        Args:
            action: `A` numbers in [-1, 1], one a joint; others are clipped to it first.

        Returns:
            Observation, reward, terminated (only when the simulation diverged), truncated (never
            here), and info with "diverged" and the measures by name. After a divergence all are
            the last valid ones.

        Raises:
            InputError: If the action has another shape, or is not finite.
        """
        model = self.model
        data = self._data
        data.ctrl[:] = clipped_action(action, self.action_names)
        diverged = advance(model, data, self.frame_skip, self._is_sane)
        if not diverged:
            self._look()
        reward = float(self.reward(self._measures, self._specification[SPEED]))
        measured = dict(zip(self.measures, self._measures.tolist(), strict=True))
        return self._observation.copy(), reward, diverged, False, {"diverged": diverged, **measured}

    def _choose(
        self, options: Mapping[str, Any], rng: np.random.Generator
    ) -> tuple[dict[str, float], Info]:
        """Speed and length of the episode, and what to say of where they are from."""
        require_options(options, ("split", "split_number", *self.property_names))
        given = {
            name: self._read(name, options[name]) for name in self.property_names if name in options
        }
        specification = {SPEED: self.default_speed, LENGTH: self.default_length}
        drawn: Info = {"split": "given"}
        if len(given) < len(self.property_names):
            split, number = options.get("split", self.splits[0]), options.get("split_number", 0)
            require_known("split", str(split), self.splits)
            if not isinstance(number, int | np.integer):
                raise InputError(f'Option "split_number" is a whole number; got {number!r}.')
            ids = self.grid.ids(str(split), int(number))
            row = ids[rng.integers(len(ids))]
            specification |= zip(self.property_names, self.grid.values()[row].tolist(), strict=True)
            drawn = {"split": split, "split_number": int(number)} | ({} if given else {"id": row})
        elif "split" in options or "split_number" in options:
            named = " and ".join(f'"{name}"' for name in given)
            raise InputError(f'Give "split" or {named}, not both: that leaves none to draw.')
        return {**specification, **given}, drawn

    def _read(self, name: str, value: object) -> float:
        """A speed or length a caller gave, if there can be such."""
        number = float(property_values(name, value, 1, "body")[0])
        if name == SPEED and not 0.0 < abs(number) <= FASTEST:
            raise InputError(
                f'Option "speed" is not zero, and at most {FASTEST:g} either way; got {number}.'
            )
        low, high = self.length_range
        if name == LENGTH and not low <= number <= high:
            raise InputError(f'Option "length" must lie in [{low:g}, {high:g}] m; got {number}.')
        return number

    def _load(self, length: float) -> None:
        """Compile the body with its length, in MuJoCo's initial state."""
        spec = read_model(self.body)
        self._fit(spec, length)
        self._simulate(spec)
        model = self.model
        self._finish(model, self._data)
        self._sensors = {
            model.sensor(number).name: int(model.sensor_adr[number])
            for number in range(model.nsensor)
        }

    def _look(self) -> None:
        physics, sensors = self.physics(), np.array(self._data.sensordata)
        self._observation = self.observe(physics, sensors)
        self._measures = self.measure(physics, sensors)

    def _is_sane(self) -> bool:
        """Whether every coordinate is within its bound; a NaN is within none."""
        return bool(
            (np.abs(self._data.qpos) <= MOST_POSITION).all()
            and (np.abs(self._data.qvel) <= MOST_VELOCITY).all()
        )
