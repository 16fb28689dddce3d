"""What both pushing tasks share: hidden properties, the push, the goal, pictures."""

import abc
import colorsys
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import ArrayLike

from hyperdyn.assets.objects import TEST_IDS, TRAINING_IDS, PushObject, load_object
from hyperdyn.envs._checks import clipped_action, require_picture
from hyperdyn.envs.contexts import require_options
from hyperdyn.envs.pushing.cameras import Camera, View, take, view_camera
from hyperdyn.envs.pushing.layout import GOAL_RADIUS, Course, draw_rod
from hyperdyn.envs.pushing.marks import mark_circle
from hyperdyn.envs.pushing.world import STEP_SECONDS, TABLE_SIDE, Outcome, Physics, Placement, World
from hyperdyn.errors import InputError, require_known

Info = dict[str, Any]
MASSES = (300.0, 1000.0)
FRICTIONS = (8e-4, 12e-4)
POOLS = {"seen": TRAINING_IDS, "novel": TEST_IDS}
MAX_PUSH = 0.06
"""Metres that an action of length one moves the rod."""

_METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 1 / STEP_SECONDS}
_ROD_TRIES = 100
_ROD_CLEARANCE = 0.002
_BOUND = np.array([1.5] * 3 + [1.0] * 4 + [10.0] * 3 + [200.0] * 3 + [1.5] * 3)
_OPTIONS = ("split", "object", "mass", "friction", "goal")


class PushEnv(gymnasium.Env[np.ndarray, np.ndarray], abc.ABC):
    """A Kuka arm pushes an object of hidden mass and friction over a table with a rod.

    Observation (16): the object's centre of mass (m), orientation (quaternion x, y, z, w with
    w ≥ 0), velocity (m/s) and angular velocity (rad/s), and the rod's tip (m), as in section 3.1 of
    HyperDynamics. World frame: z up, the table's top is z = 0 and its centre the origin, the robot
    stands at x = −0.5.

    In Bullet a sliding object rattles by hundredths of a radian: its angular velocity about x and y
    and its vertical velocity are noise, of up to a few rad/s for thin plates at 1/240 s.

    Action (3): where the rod's tip is sent from where it is, in units of 6 cm; a longer one than
    that in the plane is shortened, and the third entry is ignored, as the tip keeps its height. A
    step is one push: 0.8 s of simulation under the arm's position control. The object may still
    slide at its end.

    Reward: minus the distance from the object to the goal (m) after the push, and −1 more if the
    object touched an obstacle or left the table in it.

    An episode is terminated when the object is within 4 cm of the goal at the end of a push
    (`info["success"]`), when it touched an obstacle (`info["collided"]`), left the table
    (`info["left_table"]`; the push ends there) or its simulation diverged (`info["diverged"]`; the
    observation is then the last valid one). Its registered length truncates it.

    Reset options:
        split: "seen" (the default) or "novel": from which ids objects and obstacles are drawn.
        object: instead of a split, an id of `hyperdyn.assets.objects` or a `PushObject`.
        mass: in PyBullet's unit; else drawn from [300, 1000].
        friction: coefficient of the object, multiplied by the table's 10; else from [8e-4, 12e-4].
        goal: x and y on the table, m.

    Args:
        goals: False leaves out goals and success, for collecting data; the reward is then 0 or −1.
        physics: Time step and strength of the arm.
        render_mode: None or "rgb_array".
        width: Of the rendered pictures, pixels.
        height: Of the rendered pictures, pixels.

    Attributes:
        observation_names: What each entry of an observation is, in order.
        constant_observations: Those of them that never vary.
        action_names: What each entry of an action moves.
        property_names: The hidden properties: keys of `info["context"]` that, given back as reset
            options with the same seed, repeat an episode's start.
        splits: What the option "split" takes.
        time_step: Seconds a step.

    Raises:
        InputError: If the render mode is another, or a picture would have no or too many pixels.
    """

    metadata = _METADATA
    observation_names: ClassVar[tuple[str, ...]] = (
        *("object_x", "object_y", "object_z", "object_qx", "object_qy", "object_qz", "object_qw"),
        *("velocity_x", "velocity_y", "velocity_z", "spin_x", "spin_y", "spin_z"),
        *("rod_x", "rod_y", "rod_z"),
    )
    constant_observations: ClassVar[tuple[str, ...]] = ()
    action_names: ClassVar[tuple[str, ...]] = ("rod_x", "rod_y", "rod_z")
    property_names: ClassVar[tuple[str, ...]] = ("object", "mass", "friction")
    splits: ClassVar[tuple[str, ...]] = tuple(POOLS)
    time_step: ClassVar[float] = STEP_SECONDS

    def __init__(
        self,
        *,
        goals: bool = True,
        physics: Physics | None = None,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 360,
    ) -> None:
        """Declare the spaces; the simulator is started at the first reset."""
        self._picture_size = require_picture(render_mode, width, height)
        self.render_mode = render_mode
        self._goals = goals
        self._physics = Physics() if physics is None else physics
        self.observation_space = gymnasium.spaces.Box(-_BOUND, _BOUND, dtype=np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
        self._world: World | None = None
        self._over: Outcome | None = None

    @abc.abstractmethod
    def _lay_out(
        self, shape: PushObject, pool: Sequence[str], goal: Float[np.ndarray, "2"] | None
    ) -> tuple[Course, tuple[PushObject, ...]]:
        """Draw start, goal and obstacles from `self.np_random`."""

    @property
    def world(self) -> World:
        """The simulated table of this episode."""
        return self._require_reset()

    @property
    def goal(self) -> Float[np.ndarray, "2"]:
        """Where the object should go, m."""
        self._require_reset()
        return self._course.goal.copy()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float[np.ndarray, "16"], Info]:
        """Draw (or take from `options`) object and hidden properties; put it and the rod down.

        Returns:
            The observation, and info with "context" ("object", "mass", "friction", "split", which
            is "given" for an object of your choice, and "obstacles": their ids), "goal" and
            "distance" to it.

        Raises:
            InputError: If an option is unknown or out of range.
            UnknownNameError: If a split or an object is unknown.
        """
        super().reset(seed=seed)
        rng, options = self.np_random, options or {}
        require_options(options, _OPTIONS)
        shape, pool, split = self._choose(options)
        mass = _positive("mass", options.get("mass"), rng.uniform(*MASSES))
        friction = _positive("friction", options.get("friction"), rng.uniform(*FRICTIONS))
        self._course, obstacles = self._lay_out(shape, pool, _goal(options.get("goal")))
        if self._over is not None and self._over.diverged:
            self.close()  # numbers that are not finite stay in the client for ever
        if self._world is None:
            self._world = World(self._physics)
        placements = [self._place(shape, mass, friction, self._course.start)]
        placements += [
            self._place(other, float(np.mean(MASSES)), float(np.mean(FRICTIONS)), position)
            for other, position in zip(obstacles, self._course.obstacles, strict=True)
        ]
        self._world.arrange(placements)
        self._put_rod_down(self._world)
        self._over = None
        self._observation = self._observe(self._world)
        context = {"object": shape.id, "mass": mass, "friction": friction, "split": split}
        context["obstacles"] = [other.id for other in obstacles]
        return self._observation.copy(), {"context": context, **self._progress()}

    def step(self, action: ArrayLike) -> tuple[Float[np.ndarray, "16"], float, bool, bool, Info]:
        """Push once.

        Args:
            action: Three numbers in [-1, 1]; others are clipped to it first.

        Returns:
            Observation, reward, terminated, truncated (never here), and info with "goal",
            "distance" (m), "success", "collided", "left_table" and "diverged".

        Raises:
            InputError: If the action has another shape, or is not finite.
        """
        world = self._require_reset()
        displacement = MAX_PUSH * clipped_action(action, self.action_names)[:2]
        displacement /= max(1.0, float(np.linalg.norm(displacement)) / MAX_PUSH)
        outcome = self._over or world.push(displacement)
        if not outcome.diverged:
            self._observation = self._observe(world)
        if outcome.left_table or outcome.diverged:
            self._over = outcome  # there is nothing left to push
        info = self._progress() | {
            "collided": outcome.touched,
            "left_table": outcome.left_table,
            "diverged": outcome.diverged,
        }
        failed = outcome.touched or outcome.left_table or outcome.diverged
        reached = self._goals and info["distance"] <= GOAL_RADIUS
        info["success"] = bool(reached and not failed)
        reward = -float(outcome.touched or outcome.left_table)
        if self._goals:
            reward -= info["distance"]
        return self._observation.copy(), reward, failed or info["success"], False, info

    def object_box(self) -> Float[np.ndarray, "6"]:
        """The object's axis-aligned box: lowest corner, then highest, m."""
        corners = self._require_reset().corners(0)
        return np.concatenate((corners.min(axis=0), corners.max(axis=0)))

    def view(self, camera: int | Camera) -> View:
        """Take a picture.

        Args:
            camera: One of the nine, 0 (the robot's left) to 8 (its right), or a camera of your own.
        """
        chosen = camera if isinstance(camera, Camera) else view_camera(camera)
        return take(self._require_reset(), chosen)

    def render(self) -> UInt8[np.ndarray, "height width 3"] | None:
        """Draw the table from in front of the robot, a ring about the goal; None without a mode."""
        if self.render_mode is None:
            return None
        width, height = self._picture_size
        camera = Camera(azimuth=0.0, width=width, height=height)
        picture = take(self._require_reset(), camera).rgb
        return mark_circle(picture, camera, self.goal, GOAL_RADIUS) if self._goals else picture

    def close(self) -> None:
        """Disconnect the simulator."""
        if self._world is not None:
            self._world.close()
            self._world = None

    def _choose(self, options: Mapping[str, Any]) -> tuple[PushObject, Sequence[str], str]:
        """The object, the ids that obstacles come from, and the split's name."""
        place = self.np_random.random()
        given = options.get("object")
        if given is None:
            split = str(options.get("split", "seen"))
            require_known("split", split, POOLS)
            pool = POOLS[split]
            return load_object(pool[int(place * len(pool))]), pool, split
        if "split" in options:
            raise InputError('Give "split" or "object", not both: an object leaves none to draw.')
        shape = given if isinstance(given, PushObject) else load_object(str(given))
        return shape, TEST_IDS if shape.id in TEST_IDS else TRAINING_IDS, "given"

    def _place(
        self, shape: PushObject, mass: float, friction: float, position: Float[np.ndarray, "2"]
    ) -> Placement:
        rng = self.np_random
        return Placement(
            shape=shape,
            mass=mass,
            friction=friction,
            position=(float(position[0]), float(position[1])),
            yaw=rng.uniform(-math.pi, math.pi),
            colour=draw_colour(rng),
        )

    def _put_rod_down(self, world: World) -> None:
        for _ in range(_ROD_TRIES):
            world.place_rod(draw_rod(self._course.start, self.np_random))
            if world.rod_clearance() >= _ROD_CLEARANCE:
                return
        raise InputError(
            f"The rod finds no place 6 to 10 cm from the centre of {world.shapes[0].id!r}, whose "
            f"points are up to {world.shapes[0].radius:.3f} m from it. Take a smaller object."
        )

    def _observe(self, world: World) -> Float[np.ndarray, "16"]:
        return np.concatenate((world.object_state(), world.tip()))

    def _progress(self) -> Info:
        if not self._goals:
            return {}
        x, y = self._course.goal
        distance = math.dist(self._observation[:2], (x, y))
        return {"goal": (float(x), float(y)), "distance": distance}

    def _require_reset(self) -> World:
        if self._world is None:
            raise InputError("The object is put down at reset: call reset() first.")
        return self._world


def draw_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Any hue, neither grey nor dark."""
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.3, 0.9), rng.uniform(0.5, 1.0))


def _positive(name: str, given: object, drawn: float) -> float:
    if given is None:
        return drawn
    if isinstance(given, int | float | np.number) and math.isfinite(given) and given > 0:
        return float(given)
    raise InputError(f"Option {name!r} must be a positive number; got {given!r}.")


def _goal(given: object) -> Float[np.ndarray, "2"] | None:
    if given is None:
        return None
    try:
        goal = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        goal = np.empty(0)
    if goal.shape != (2,) or not (np.abs(goal) <= TABLE_SIDE / 2).all():
        raise InputError(
            f"Option 'goal' must be x and y within {TABLE_SIDE / 2} m of the centre; got {given!r}."
        )
    return goal
