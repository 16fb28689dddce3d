"""What the slope tasks share: heights drawn segment by segment."""

import abc
from collections.abc import Mapping
from typing import ClassVar

import mujoco
import numpy as np

from hyperdyn.envs.contexts import SPLITS, PropertyRange, property_values
from hyperdyn.envs.locomotion.base import LocomotionEnv
from hyperdyn.envs.locomotion.hidden import Properties
from hyperdyn.envs.locomotion.slopes import Slopes
from hyperdyn.envs.mujoco_env import Info
from hyperdyn.errors import InputError

# HyperDynamics A.2.
HEIGHTS = PropertyRange(seen=(0.5, 3.5), novel_low=(0.0, 0.25), novel_high=(3.75, 4.0))
REACH = 1.3  # m: neither robot stretches so far from its centre of mass


class SlopeTask(LocomotionEnv, abc.ABC):
    """Go up slopes whose heights are drawn anew, segment by segment, at each reset.

    A segment of height h has the grade h/15, as the paper prints it ("slopes with length of 15m").
    By default it is 3 m long, so that the ground changes under the robot within an episode: at the
    paper's returns it travels under 2 m in 500 steps, and the "15" of the released terrain counts
    cells of 0.2 m.

    Reset options, either of them:
        split: "seen" (the default, h in [0.5, 3.5]), "novel-low" ([0, 0.25]), "novel-high"
            ([3.75, 4]) or "novel" (each segment from either side with probability one half).
        heights: one h a segment, each in [0, 6] (with the default grade base).

    A change within an episode leaves the ground as it is that the robot has reached: it raises or
    lowers the segments that begin more than 1.3 m ahead of the centre of mass.

    `info["context"]` has "heights", "grades", "segment_length" and "split" ("given" for explicit
    heights); `info["grade"]`, at each step, is the ground's under the centre of mass.

    Args:
        segment_length: Horizontal length of a segment, m.
        grade_base: Horizontal length over which a segment would rise by its height, m.
        segments: How many; flat ground follows the last.
        render_mode: None or "rgb_array".
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.

    Raises:
        InputError: If a length is not positive, or so short that the novel ranges would hold
            grades above 0.4.
    """

    property_names: ClassVar[tuple[str, ...]] = ("heights",)
    splits: ClassVar[tuple[str, ...]] = SPLITS

    def __init__(
        self,
        *,
        segment_length: float = 3.0,
        grade_base: float = 15.0,
        segments: int = 10,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 270,
    ) -> None:
        """Check the geometry against the steepest segment that can be drawn."""
        super().__init__(render_mode=render_mode, width=width, height=height)
        if segments < 1:
            raise InputError(f"The ground needs at least one segment; got segments={segments}.")
        self._segments = segments
        self._segment_length = segment_length
        self._grade_base = grade_base
        self._make_slopes([HEIGHTS.novel_high[1]] * segments)

    def _make_slopes(self, heights: object) -> Slopes:
        return Slopes(
            heights=property_values("heights", heights, self._segments, "segment"),
            segment_length=self._segment_length,
            grade_base=self._grade_base,
        )

    def _draw(self, split: str, rng: np.random.Generator) -> Properties:
        return {"heights": HEIGHTS.draw(split, self._segments, rng)}

    def _checked(self, properties: Mapping[str, object]) -> Properties:
        return {"heights": self._make_slopes(properties["heights"]).heights}

    def _settled(self, properties: Properties) -> Properties:
        ahead = self._slopes.edges[:-1] > self._com[0] + REACH
        return {"heights": np.where(ahead, properties["heights"], self._properties["heights"])}

    def _fit(self, spec: mujoco.MjSpec) -> None:
        self._slopes = self._make_slopes(self._properties["heights"])
        self._slopes.add_to(spec, self.surface)

    def _constants(self) -> Info:
        return {
            "grades": self._slopes.grades.copy(),
            "segment_length": self._slopes.segment_length,
        }

    def _ground(self, x: float) -> Info:
        return {"grade": self._slopes.grade_at(x)}
