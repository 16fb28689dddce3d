"""A pier of floating blocks: rigid boxes on vertical slides, held up by springs."""

import dataclasses
import math

import mujoco
import numpy as np
from jaxtyping import Float

from hyperdyn.envs.locomotion.ground import (
    FLAT_COLOUR,
    FLAT_LENGTH,
    THICKNESS,
    Surface,
    add_box,
    add_material,
)

BLOCK_LENGTH = 4.0  # m, HyperDynamics A.2
WATER = 0.3  # m below the top of a block that nothing stands on
GRAVITY = 9.81
_LIVELY = np.array([0.86, 0.62, 0.30])
_STIFF = np.array([0.42, 0.31, 0.24])
_WATER_COLOUR = (0.20, 0.45, 0.70, 1.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PierPhysics:
    """How heavy the blocks and the robot are, and how blocks are held.

    Attributes:
        block_mass: Of a block, kg.
        stiffness: Upward force for each metre a block is pushed down, N/m.
        damping_unit: What a damping of 1 is, N s/m.
        floats: Whether the water carries an unloaded block at z = 0; else it hangs on its spring.
        travel: How far a block moves up or down before it meets a stop, m; None: no stop.
        robot_scale: Factor on the masses of the robot.
    """

    block_mass: float
    stiffness: float
    damping_unit: float
    floats: bool
    travel: float | None
    robot_scale: float


def floating(robot_mass: float) -> PierPhysics:
    """Blocks of half the robot's mass, that sink 0.1 m when it stands on them.

    Damping is a ratio to the critical damping of a block with the robot on it.
    """
    block_mass = 0.5 * robot_mass
    stiffness = robot_mass * GRAVITY / 0.1
    return PierPhysics(
        block_mass=block_mass,
        stiffness=stiffness,
        damping_unit=2 * math.sqrt(stiffness * (block_mass + robot_mass)),
        floats=True,
        travel=None,
        robot_scale=1.0,
    )


RELEASED = PierPhysics(
    block_mass=1.384,
    stiffness=150.0,
    damping_unit=10.0,
    floats=False,
    travel=0.15,
    robot_scale=2.93 / 14.0,
)
"""The half-cheetah's pier as released (learning_to_adapt): its XML scales robot and blocks together
to 14 kg, which leaves 2.93 kg for the robot. The damping drawn there from [0, 10] N s/m is taken
for the paper's [0, 1]."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Pier:
    """Blocks in a row, the first around x = 0, between two quays that do not move.

    HyperDynamics A.2: "a series of consecutive blocks with length of 4m".

    Attributes:
        damping: Of each block, in units of the physics.
        friction: Sliding coefficient of each block; it alone counts, whatever the robot's.
        physics: The rest of what blocks are.
    """

    damping: Float[np.ndarray, " blocks"]
    friction: Float[np.ndarray, " blocks"]
    physics: PierPhysics

    def block_at(self, x: float) -> int:
        """Number of the block at `x` (m), -1 on a quay."""
        block = math.floor(x / BLOCK_LENGTH + 0.5)
        return block if 0 <= block < self.damping.size else -1

    def add_to(self, spec: mujoco.MjSpec, surface: Surface) -> None:
        """Add blocks, quays and water to a model; the blocks' joints come after the robot's."""
        add_material(spec)
        first = -BLOCK_LENGTH / 2
        last = first + BLOCK_LENGTH * self.damping.size
        for name, edge, side in (("quay0", first, -1), ("quay1", last, 1)):
            add_box(
                spec.worldbody,
                surface,
                name=name,
                size=[FLAT_LENGTH / 2, surface.half_width, THICKNESS / 2],
                pos=[edge + side * FLAT_LENGTH / 2, 0.0, -THICKNESS / 2],
                colour=FLAT_COLOUR,
            )
        spec.worldbody.add_geom(
            name="water",
            type=mujoco.mjtGeom.mjGEOM_PLANE,
            size=[FLAT_LENGTH, FLAT_LENGTH, 1.0],
            pos=[0.0, 0.0, -WATER],
            contype=0,
            conaffinity=0,
            rgba=_WATER_COLOUR,
        )
        for block in range(self.damping.size):
            self._add_block(spec, surface, block)

    def _add_block(self, spec: mujoco.MjSpec, surface: Surface, block: int) -> None:
        physics = self.physics
        body = spec.worldbody.add_body(
            name=f"block{block}",
            pos=[BLOCK_LENGTH * block, 0.0, -THICKNESS / 2],
            gravcomp=1.0 if physics.floats else 0.0,
        )
        joint = body.add_joint(
            name=f"block{block}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=[0, 0, 1],
            armature=0.0,
            stiffness=physics.stiffness,
            damping=float(self.damping[block]) * physics.damping_unit,
        )
        if physics.travel is not None:
            joint.range = [-physics.travel, physics.travel]
            joint.limited = mujoco.mjtLimited.mjLIMITED_TRUE
        share = min(float(self.damping[block]), 1.0)
        geom = add_box(
            body,
            surface,
            name=f"block{block}",
            size=[BLOCK_LENGTH / 2, surface.half_width, THICKNESS / 2],
            pos=[0.0, 0.0, 0.0],
            colour=(1 - share) * _LIVELY + share * _STIFF,
        )
        geom.mass = physics.block_mass
        geom.friction = [float(self.friction[block]), *surface.friction[1:]]
        geom.priority = 1
