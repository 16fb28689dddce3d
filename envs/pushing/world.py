"""The simulated table top: arm, rod, table and objects in a PyBullet client of their own."""

import contextlib
import math
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects import PushObject
from hyperdyn.envs.pushing.arm import ASIDE, BASE, JOINTS, joint_angles, urdf
from hyperdyn.envs.pushing.bullet import kuka_folder, load_pybullet
from hyperdyn.errors import InputError

TABLE_SIDE = 0.6
TABLE_FRICTION = 10.0
ROD_HEIGHT = 0.005
"""Of the rod's tip above the table, m."""
ROD_LIMIT = TABLE_SIDE / 2 + 0.02
"""How far from the table's centre, in x and in y, the rod is sent, m."""
STEP_SECONDS = 0.8
COARSEST = 1 / 240

_TABLE_THICKNESS = 0.1
# Where the solver stops early. Against PyBullet's 1e-7: a fifth faster, 0.2 mm after a push.
_RESIDUAL = 1e-3
_NEAR_BY = 0.01
_LOOK_EVERY = 8  # physics steps between looks at where the object is
_SUNK = -0.02  # a centre of mass below this inside the table's edges has fallen through it
Quaternion = tuple[float, float, float, float]
_POSITION_BOUND, _VELOCITY_BOUND, _SPIN_BOUND = 1.5, 10.0, 200.0


@dataclass(frozen=True, kw_only=True)
class Physics:
    """How the simulator steps and how strongly the arm holds its position.

    Attributes:
        time_step: Seconds a physics step: 1/240 (as PyBullet's default) or finer, a whole number of
            them to 0.8 s. A push of 5 cm moves a plate of mass 650 by 9.9 cm at 1/240, 11.1 at
            1/480 and 11.5 at 1/960; at 1/240 it sinks up to 5 mm into the table while it slides, at
            1/60 it falls through.
        joint_force: The largest torque of a joint, N m. It decides the regime: at 300 (the limit
            in the arm's own description) the motors saturate under the paper's masses, so that
            heavy objects are pushed less far than light ones.
        position_rate: Share of the joint angles' error that the motors remove in a second, as long
            as they can: 24 is PyBullet's usual gain of 0.1 a step at 1/240 s.

    Raises:
        InputError: If the time step is coarser or does not divide 0.8 s, or a number is not
            positive.
    """

    time_step: float = COARSEST
    joint_force: float = 300.0
    position_rate: float = 24.0

    def __post_init__(self) -> None:
        steps = STEP_SECONDS / self.time_step if self.time_step > 0 else 0.0
        if steps < STEP_SECONDS / COARSEST - 1e-6 or abs(steps - round(steps)) > 1e-6:
            raise InputError(
                "time_step must be 1/240 s or finer, and 0.8 s a whole number of them; got "
                f"{self.time_step}. Coarser steps let the objects sink into the table."
            )
        for name in ("joint_force", "position_rate"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} must be a positive number; got {value}.")

    @property
    def steps(self) -> int:
        """Physics steps to a push."""
        return round(STEP_SECONDS / self.time_step)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """An object on the table.

    Attributes:
        shape: The object.
        mass: In PyBullet's unit.
        friction: Lateral friction coefficient; Bullet multiplies it by the table's.
        position: x and y of the centre of mass, m.
        yaw: Rotation about the vertical axis, radians.
        colour: Red, green and blue, 0 to 1.
    """

    shape: PushObject
    mass: float
    friction: float
    position: tuple[float, float]
    yaw: float
    colour: tuple[float, float, float] = (0.85, 0.35, 0.2)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened to the first object during a push.

    Attributes:
        left_table: Its centre of mass passed the table's edge; the push was cut short there.
        diverged: Its state is not finite, beyond all bounds, or below the table's top.
        touched: It touched another object.
    """

    left_table: bool
    diverged: bool
    touched: bool


class _Body(NamedTuple):
    number: int
    shape: PushObject
    axes: Quaternion
    """Of its principal axes of inertia, in the object's frame."""


class World:
    """A table, an arm and some objects; the first object is the one that is pushed.

    Args:
        physics: How it is stepped.
    """

    def __init__(self, physics: Physics) -> None:
        self.physics = physics
        self._bullet = load_pybullet()
        self._folder = tempfile.TemporaryDirectory(prefix="hyperdyn-")
        self._client = self._bullet.connect(self._bullet.DIRECT)
        self._close = weakref.finalize(self, _shut, self._bullet, self._client, self._folder)
        self._shapes: dict[PushObject, tuple[int, int]] = {}
        self._placed: list[_Body] = []
        self.call(
            "setPhysicsEngineParameter",
            deterministicOverlappingPairs=1,
            solverResidualThreshold=_RESIDUAL,
        )
        self.call("setTimeStep", physics.time_step)
        self.call("setGravity", 0.0, 0.0, -9.81)
        self.table = self._add_table()
        self.robot = self._add_robot()

    def call(self, function: str, *arguments: Any, **named: Any) -> Any:
        """Call a function of PyBullet in this world's client."""
        return getattr(self._bullet, function)(*arguments, physicsClientId=self._client, **named)

    def constant(self, name: str) -> int:
        """One of PyBullet's constants."""
        return int(getattr(self._bullet, name))

    @property
    def bodies(self) -> tuple[int, ...]:
        """PyBullet's numbers of the objects, the pushed one first."""
        return tuple(body.number for body in self._placed)

    @property
    def shapes(self) -> tuple[PushObject, ...]:
        """The objects, the pushed one first."""
        return tuple(body.shape for body in self._placed)

    def arrange(self, placements: Sequence[Placement]) -> None:
        """Take all objects away and put others there, at rest."""
        for body in self._placed:
            self.call("removeBody", body.number)
        # On the bare table: what Bullet keeps of past contacts would reach into the next episode.
        self.call("performCollisionDetection")
        self._placed = [self._add(placement) for placement in placements]

    def place_rod(self, rod: Float[np.ndarray, "2"]) -> None:
        """Put the rod's tip, at rest, above a point of the table."""
        angles = joint_angles(np.array([*rod, ROD_HEIGHT]))
        self._turn((angle, 0.0) for angle in angles)
        self._hold(angles)

    @contextlib.contextmanager
    def arm_aside(self) -> Iterator[None]:
        """Have the arm turned away from the table for as long as a picture takes.

        Nothing is simulated meanwhile, and afterwards every joint is and moves as before.
        """
        joints = range(JOINTS)
        before = [self.call("getJointState", self.robot, joint)[:2] for joint in joints]
        self._turn((angle, 0.0) for angle in ASIDE)
        try:
            yield
        finally:
            self._turn(before)

    def push(self, displacement: Float[np.ndarray, "2"]) -> Outcome:
        """Send the rod's tip somewhere and simulate 0.8 s.

        Args:
            displacement: From where the tip is, in the plane, m. Targets more than 2 cm beside the
                table are moved to that line.
        """
        target = np.clip(self.tip()[:2] + displacement, -ROD_LIMIT, ROD_LIMIT)
        self._hold(joint_angles(np.array([*target, ROD_HEIGHT])))
        touched = left = sane = False
        body, *others = self.bodies
        for step in range(self.physics.steps):
            self.call("stepSimulation")
            if others and not touched:
                touched = any(self.call("getContactPoints", body, other) for other in others)
            if step % _LOOK_EVERY == _LOOK_EVERY - 1 or step == self.physics.steps - 1:
                left, sane = self._look(body)
                if left or not sane:
                    break
        sane = sane and bool((np.abs(self.tip()) <= _POSITION_BOUND).all())
        return Outcome(left_table=left and sane, diverged=not sane, touched=touched)

    def tip(self) -> Float[np.ndarray, "3"]:
        """Where the rod's tip is, m."""
        link = self.call("getLinkState", self.robot, JOINTS, computeForwardKinematics=1)
        return np.array(link[4])

    def object_state(self, index: int = 0) -> Float[np.ndarray, "13"]:
        """Centre of mass (m), orientation (x, y, z, w; w ≥ 0), velocity and angular velocity."""
        body, _, (x, y, z, w) = self._placed[index]
        position, turned = self.call("getBasePositionAndOrientation", body)
        velocity, spin = self.call("getBaseVelocity", body)
        _, orientation = self._bullet.multiplyTransforms(
            [0.0, 0.0, 0.0], turned, [0.0, 0.0, 0.0], [-x, -y, -z, w]
        )
        unit = np.array(orientation) / math.copysign(math.hypot(*orientation), orientation[3])
        return np.array([*position, *unit, *velocity, *spin])

    def rod_clearance(self) -> float:
        """Distance of the rod from the nearest object, m; 1 cm stands for all beyond."""
        found = [
            point[8]
            for body in self.bodies
            for point in self.call("getClosestPoints", self.robot, body, _NEAR_BY)
        ]
        return float(min(found, default=_NEAR_BY))

    def corners(self, index: int) -> Float[np.ndarray, "V 3"]:
        """Vertices of an object's mesh where it is now, world coordinates, m."""
        state, shape = self.object_state(index), self.shapes[index]
        rotation = np.array(self._bullet.getMatrixFromQuaternion(state[3:7])).reshape(3, 3)
        offsets = np.asarray(shape.mesh.vertices) - shape.centre_of_mass
        return np.asarray(offsets @ rotation.T + state[:3])

    def close(self) -> None:
        """Disconnect the client; the world is of no use afterwards."""
        self._close()

    def _look(self, body: int) -> tuple[bool, bool]:
        """Whether the object left the table, and whether its state makes sense."""
        position, _ = self.call("getBasePositionAndOrientation", body)
        linear, spin = self.call("getBaseVelocity", body)
        x, y, z = position
        left = max(abs(x), abs(y)) > TABLE_SIDE / 2
        sane = (
            all(abs(value) <= _POSITION_BOUND for value in position)  # false for NaN
            and all(abs(value) <= _VELOCITY_BOUND for value in linear)
            and all(abs(value) <= _SPIN_BOUND for value in spin)
        )
        return left and sane, sane and (left or z > _SUNK)

    def _turn(self, joints: Iterable[tuple[float, float]]) -> None:
        """Put the joints to angles and rates at once."""
        for joint, (angle, rate) in enumerate(joints):
            self.call("resetJointState", self.robot, joint, float(angle), rate)

    def _hold(self, angles: Float[np.ndarray, "7"]) -> None:
        """Let the motors go to joint angles."""
        self.call(
            "setJointMotorControlArray",
            self.robot,
            list(range(JOINTS)),
            self.constant("POSITION_CONTROL"),
            targetPositions=angles.tolist(),
            forces=[self.physics.joint_force] * JOINTS,
            positionGains=[self.physics.position_rate * self.physics.time_step] * JOINTS,
        )

    def _add(self, placement: Placement) -> _Body:
        shape = placement.shape
        if shape not in self._shapes:
            self._shapes[shape] = self._load(shape)
        collision, visual = self._shapes[shape]
        moments, rotation = shape.principal
        axes = _quaternion(rotation)
        body = int(
            self.call(
                "createMultiBody",
                baseMass=placement.mass,
                baseCollisionShapeIndex=collision,
                baseVisualShapeIndex=visual,
                baseInertialFramePosition=shape.centre_of_mass.tolist(),
                baseInertialFrameOrientation=axes,
            )
        )
        self.call("changeVisualShape", body, -1, rgbaColor=[*placement.colour, 1.0])
        # PyBullet's pose of a body is that of its inertial frame.
        yaw = self._bullet.getQuaternionFromEuler([0.0, 0.0, placement.yaw])
        centre = [*placement.position, float(shape.centre_of_mass[2])]
        _, turned = self._bullet.multiplyTransforms([0.0] * 3, yaw, [0.0] * 3, axes)
        self.call("resetBasePositionAndOrientation", body, centre, turned)
        self.call(
            "changeDynamics",
            body,
            -1,
            lateralFriction=placement.friction,
            localInertiaDiagonal=(placement.mass * moments).tolist(),
            linearDamping=0.0,
            angularDamping=0.0,
        )
        return _Body(body, shape, axes)

    def _load(self, shape: PushObject) -> tuple[int, int]:
        """An object's collision and visual shape, to be used whenever it is placed."""
        mesh, parts = shape.write_obj(Path(self._folder.name) / str(len(self._shapes)))
        kind = self.constant("GEOM_MESH")
        return (
            self.call("createCollisionShape", kind, fileName=str(parts)),
            self.call("createVisualShape", kind, fileName=str(mesh)),
        )

    def _add_table(self) -> int:
        half = [TABLE_SIDE / 2, TABLE_SIDE / 2, _TABLE_THICKNESS / 2]
        kind = self.constant("GEOM_BOX")
        table = self.call(
            "createMultiBody",
            baseMass=0.0,
            baseCollisionShapeIndex=self.call("createCollisionShape", kind, halfExtents=half),
            baseVisualShapeIndex=self.call(
                "createVisualShape", kind, halfExtents=half, rgbaColor=[0.75, 0.7, 0.62, 1.0]
            ),
            basePosition=[0.0, 0.0, -half[2]],
        )
        self.call("changeDynamics", table, -1, lateralFriction=TABLE_FRICTION)
        return int(table)

    def _add_robot(self) -> int:
        file = Path(self._folder.name) / "arm.urdf"
        file.write_text(urdf(kuka_folder()))
        robot = self.call("loadURDF", str(file), basePosition=BASE, useFixedBase=True)
        self.call("setCollisionFilterPair", robot, self.table, JOINTS, -1, 0)
        return int(robot)


def _quaternion(rotation: Float[np.ndarray, "3 3"]) -> Quaternion:
    """Scalar-last quaternion of a rotation matrix, half turns included (Bar-Itzhack 2000)."""
    twist = np.array([rotation[2, 1], rotation[0, 2], rotation[1, 0]])
    twist -= [rotation[1, 2], rotation[2, 0], rotation[0, 1]]
    trace = float(np.trace(rotation))
    likeness = np.empty((4, 4))
    likeness[:3, :3] = rotation + rotation.T - trace * np.eye(3)
    likeness[3, :3] = likeness[:3, 3] = twist
    likeness[3, 3] = trace
    x, y, z, w = (float(value) for value in np.linalg.eigh(likeness)[1][:, 3])
    return x, y, z, w


def _shut(bullet: Any, client: int, folder: "tempfile.TemporaryDirectory[str]") -> None:
    if bullet.isConnected(client):
        bullet.disconnect(client)
    folder.cleanup()
