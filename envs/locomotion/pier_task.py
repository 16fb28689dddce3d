"""What the pier tasks share: damping and friction drawn block by block."""

import abc
from collections.abc import Mapping
from typing import ClassVar

import mujoco
import numpy as np

from hyperdyn.envs.contexts import SPLITS, PropertyRange
from hyperdyn.envs.locomotion.base import LocomotionEnv
from hyperdyn.envs.locomotion.hidden import Properties, property_within
from hyperdyn.envs.locomotion.pier import Pier, PierPhysics
from hyperdyn.envs.mujoco_env import Info
from hyperdyn.errors import InputError, require_known

# HyperDynamics A.2.
DAMPING = PropertyRange(seen=(0.2, 0.8), novel_low=(0.0, 0.1), novel_high=(0.9, 1.0))
# The paper gives no range. As a factor on what the robot's ground has elsewhere:
FRICTION_FACTOR = (0.75, 1.25)


class PierTask(LocomotionEnv, abc.ABC):
    """Go over blocks that float on water and give way, each with its own damping and friction.

    Eight blocks of 4 m; the robot begins in the middle of the first. HyperDynamics A.2 gives the
    ranges of the damping coefficient, and neither its unit nor masses and stiffness. In N s/m those
    ranges cannot be felt. Measured: what damping 0.8 instead of 0.2 changes in the robot's
    velocities within 20 steps, from the same states under the same actions, as a share of what
    those steps change in them (root mean square, the mean over all velocities; in brackets the
    vertical one alone; 30 states). For a cheetah of 14 kg on blocks of 10 kg and 1000 N/m 0.3 %
    (0.4), and the same for the ant; with the released masses 0.8 % (1.3); with those and ten times
    the damping, which is "released" here, 4 % (9). So by default damping is a ratio: 1 is the
    critical damping of a block with the robot standing on it. A block has half the robot's mass
    and sinks 0.1 m under it: 10 % (21) for the cheetah, 22 % (45) for the ant, and 6 % (7) and 19 %
    (37) for the ends of the range of friction.

    Reset options:
        split: Of the damping: "seen" (the default, [0.2, 0.8]), "novel-low" ([0, 0.1]),
            "novel-high" ([0.9, 1.0]) or "novel" (each block from either side with probability one
            half). Friction is drawn from the same range in all of them: 0.75 to 1.25 times the
            sliding coefficient of the robot's other ground (cheetah 0.4, ant 1.0).
        damping: one a block, each in [0, 5].
        friction: one a block, each in [0.01, 5].

    `info["context"]` has "damping", "friction" and "split". `info["block"]`, at each step, is the
    number of the block under the centre of mass (-1 beyond the first or the last),
    `info["damping"]` and `info["friction"]` are those of that block (there: of the nearest).

    Args:
        physics: One of `presets`.
        blocks: How many; a quay that does not move lies at either end.
        render_mode: None or "rgb_array".
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.

    Attributes:
        presets: "floating", as above, and for the cheetah "released": the masses, stiffness, stops
            and damping of the pier it comes from (learning_to_adapt), where a robot of 2.93 kg
            walks on blocks of 1.38 kg and presses each onto its stop.

    Raises:
        UnknownNameError: If there is no such physics.
        InputError: If there is no block.
    """

    property_names: ClassVar[tuple[str, ...]] = ("damping", "friction")
    splits: ClassVar[tuple[str, ...]] = SPLITS
    presets: ClassVar[Mapping[str, PierPhysics]]

    def __init__(
        self,
        *,
        physics: str = "floating",
        blocks: int = 8,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 270,
    ) -> None:
        """Look the physics up."""
        super().__init__(render_mode=render_mode, width=width, height=height)
        require_known("pier physics", physics, self.presets)
        if blocks < 1:
            raise InputError(f"A pier needs at least one block; got blocks={blocks}.")
        self._physics = self.presets[physics]
        self._blocks = blocks

    def _draw(self, split: str, rng: np.random.Generator) -> Properties:
        return {
            "damping": DAMPING.draw(split, self._blocks, rng),
            "friction": self.surface.friction[0] * rng.uniform(*FRICTION_FACTOR, self._blocks),
        }

    def _checked(self, properties: Mapping[str, object]) -> Properties:
        limits = {"damping": (0.0, 5.0), "friction": (0.01, 5.0)}
        return {
            name: property_within(name, values, self._blocks, "block", *limits[name])
            for name, values in properties.items()
        }

    def _fit(self, spec: mujoco.MjSpec) -> None:
        for geom in spec.geoms:
            geom.density *= self._physics.robot_scale
        self._pier = Pier(
            damping=self._properties["damping"],
            friction=self._properties["friction"],
            physics=self._physics,
        )
        self._pier.add_to(spec, self.surface)

    def _ground(self, x: float) -> Info:
        block = self._pier.block_at(x)
        nearest = block if block >= 0 else (0 if x < 0 else -1)
        return {
            "block": block,
            "damping": float(self._pier.damping[nearest]),
            "friction": float(self._pier.friction[nearest]),
        }
