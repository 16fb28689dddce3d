"""`hyperdyn/CheetahSlope-v0`: a half-cheetah up consecutive slopes of unknown steepness."""

from collections.abc import Mapping
from typing import ClassVar

import mujoco

from hyperdyn.envs.contexts import PropertyRange, property_values, require_options
from hyperdyn.envs.locomotion.base import Info
from hyperdyn.envs.locomotion.cheetah import Cheetah
from hyperdyn.envs.locomotion.slopes import Slopes
from hyperdyn.errors import InputError

# HyperDynamics A.2.
HEIGHTS = PropertyRange(seen=(0.5, 3.5), novel_low=(0.0, 0.25), novel_high=(3.75, 4.0))


class CheetahSlope(Cheetah):
    """Run up slopes whose heights are drawn anew, segment by segment, at each reset.

    A segment of height h has the grade h/15, as the paper prints it ("slopes with length of 15m").
    By default it is 3 m long, so that the ground changes under the robot within an episode: at the
    paper's returns it travels under 2 m in 500 steps, and the "15" of the released terrain counts
    cells of 0.2 m. `hyperdyn/CheetahSlope15m-v0` has segments of 15 m and the same grades.

    Reset options, either of them:
        split: "seen" (the default, h in [0.5, 3.5]), "novel-low" ([0, 0.25]), "novel-high"
            ([3.75, 4]) or "novel" (each segment from either side with probability one half).
        heights: one h a segment, each in [0, 6] (with the default grade base).

    `info["context"]` at reset has "heights", "grades", "segment_length" and "split" ("given" for
    explicit heights); `info["grade"]`, at each step, is the ground's under the centre of mass.

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
            heights=property_values("heights", heights, self._segments),
            segment_length=self._segment_length,
            grade_base=self._grade_base,
        )

    def _draw(self, options: Mapping[str, object]) -> None:
        require_options(options, ("split", "heights"))
        if "heights" in options:
            if "split" in options:
                raise InputError('Give "split" or "heights", not both: heights leave none to draw.')
            self._slopes = self._make_slopes(options["heights"])
            self._split = "given"
            return
        split = str(options.get("split", "seen"))
        self._slopes = self._make_slopes(HEIGHTS.draw(split, self._segments, self.np_random))
        self._split = split

    def _build(self) -> mujoco.MjModel:
        spec = self._spec()
        self._slopes.add_to(spec)
        return spec.compile()

    def _context(self) -> Info:
        return {
            "heights": self._slopes.heights.copy(),
            "grades": self._slopes.grades.copy(),
            "segment_length": self._slopes.segment_length,
            "split": self._split,
        }

    def _ground(self, x: float) -> Info:
        return {"grade": self._slopes.grade_at(x)}
