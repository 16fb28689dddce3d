"""Ground made of consecutive slopes: its exact profile, and the same as MuJoCo boxes."""

import dataclasses
import math
from functools import cached_property

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
from hyperdyn.errors import InputError

STEEPEST = 0.4
_STEEP_COLOUR = np.array([0.80, 0.42, 0.36])


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Slopes:
    """Consecutive segments that begin at x = 0, flat ground before them and after the last.

    HyperDynamics A.2: "consecutive upward slopes with length of 15m", heights drawn per slope.
    A segment of height `h` has the grade `h / grade_base`, whatever its length.

    Attributes:
        heights: `h` of each segment (m over `grade_base`), from the first to the last.
        segment_length: Horizontal length of a segment, m.
        grade_base: Horizontal length over which a segment would rise by its height, m.

    Raises:
        InputError: If a length is not positive, or a grade leaves [0, 0.4]: 0.4 is the friction
            coefficient, and nothing stands on steeper ground.
    """

    heights: Float[np.ndarray, " segments"]
    segment_length: float
    grade_base: float

    def __post_init__(self) -> None:
        """Check lengths and grades."""
        for name in ("segment_length", "grade_base"):
            length = getattr(self, name)
            if not (math.isfinite(length) and length > 0):
                raise InputError(f"{name} must be a positive length in m; got {length!r}.")
        if self.heights.size == 0:
            raise InputError("The ground needs at least one segment; got no heights.")
        if not ((self.grades >= 0) & (self.grades <= STEEPEST)).all():
            raise InputError(
                f"Heights must lie in [0, {STEEPEST * self.grade_base:g}] (grades of 0 to"
                f" {STEEPEST}); got {self.heights.tolist()}."
            )

    @cached_property
    def grades(self) -> Float[np.ndarray, " segments"]:
        """Rise over run of each segment."""
        return self.heights / self.grade_base

    @cached_property
    def edges(self) -> Float[np.ndarray, " edges"]:
        """Where the segments begin, and where the last one ends: x in m."""
        return self.segment_length * np.arange(self.heights.size + 1)

    @cached_property
    def elevations(self) -> Float[np.ndarray, " edges"]:
        """Height of the ground at `edges`: z in m."""
        return np.concatenate(([0.0], np.cumsum(self.segment_length * self.grades)))

    def elevation_at(self, x: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """Height of the ground (m) at positions `x` (m)."""
        elevations: Float[np.ndarray, " points"] = np.interp(x, self.edges, self.elevations)
        return elevations

    def grade_at(self, x: float) -> float:
        """Rise over run of the ground at `x` (m); 0 before the first segment and after the last."""
        segment = math.floor(x / self.segment_length)
        return float(self.grades[segment]) if 0 <= segment < self.grades.size else 0.0

    def add_to(self, spec: mujoco.MjSpec, surface: Surface) -> None:
        """Add the ground to a model, one box a segment and one for either flat end.

        The top faces meet exactly in the edges. Where the ground bends upwards the boxes are
        lengthened into each other below it, so that no wedge stands open; where it bends
        downwards they overlap there as they are.
        """
        add_material(spec)
        ends = self.edges[-1] + FLAT_LENGTH
        x = np.concatenate(([-FLAT_LENGTH], self.edges, [ends]))
        z = np.concatenate((self.elevations[:1], self.elevations, self.elevations[-1:]))
        angles = np.arctan(np.concatenate(([0.0], self.grades, [0.0])))
        bends = np.concatenate(([0.0], np.diff(angles), [0.0]))
        buried = THICKNESS * np.tan(np.maximum(bends, 0.0) / 2)
        # Two widths in turn, else sides that overlap flicker in pictures.
        half_widths = (surface.half_width, surface.half_width + 0.005)
        for i, angle in enumerate(angles):
            along = np.array([math.cos(angle), 0.0, math.sin(angle)])
            down = np.array([math.sin(angle), 0.0, -math.cos(angle)])
            start = np.array([x[i], 0.0, z[i]]) - buried[i] * along
            stop = np.array([x[i + 1], 0.0, z[i + 1]]) + buried[i + 1] * along
            steepness = math.tan(angle) / STEEPEST
            colour = (1 - steepness) * FLAT_COLOUR + steepness * _STEEP_COLOUR
            add_box(
                spec.worldbody,
                surface,
                name=f"ground{i}",
                size=[float(np.linalg.norm(stop - start)) / 2, half_widths[i % 2], THICKNESS / 2],
                pos=(start + stop) / 2 + THICKNESS / 2 * down,
                quat=[math.cos(angle / 2), 0.0, -math.sin(angle / 2), 0.0],
                colour=colour,
            )
