"""`hyperdyn/CheetahBody-v0`: a half-cheetah of unknown mass and damping, on flat ground."""

from collections.abc import Mapping
from typing import ClassVar

from hyperdyn.envs.locomotion.body_task import BodyTask
from hyperdyn.envs.locomotion.cheetah import Cheetah


class CheetahBody(BodyTask, Cheetah):
    """The half-cheetah (`Cheetah`) with all its masses and all its joint dampings scaled.

    "seen" 0.75, 0.85, 1, 1.15, 1.25; "moderate" 0.4, 0.5 or 1.5, 1.6; "extreme" 0.2, 0.3 or 1.7,
    1.8; "moderate-low", "moderate-high", "extreme-low", "extreme-high" are their sides. See
    `BodyTask`.
    """

    scales: ClassVar[Mapping[str, tuple[tuple[float, ...], ...]]] = {
        "seen": ((0.75, 0.85, 1.0, 1.15, 1.25),),
        "moderate": ((0.4, 0.5), (1.5, 1.6)),
        "extreme": ((0.2, 0.3), (1.7, 1.8)),
        "moderate-low": ((0.4, 0.5),),
        "moderate-high": ((1.5, 1.6),),
        "extreme-low": ((0.2, 0.3),),
        "extreme-high": ((1.7, 1.8),),
    }
    splits: ClassVar[tuple[str, ...]] = tuple(scales)

    def _power(self, name: str) -> int:
        return 1
