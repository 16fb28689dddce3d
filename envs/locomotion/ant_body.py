"""`hyperdyn/AntBody-v0`: an ant with legs of unknown mass and damping, on flat ground."""

from collections.abc import Mapping
from typing import ClassVar

from hyperdyn.envs.locomotion.ant import Ant
from hyperdyn.envs.locomotion.body_task import BodyTask

POWERS = {"1": 1, "2": 1, "3": -1, "4": -1}


class AntBody(BodyTask, Ant):
    """The ant (`Ant`) with its left legs scaled by a factor, and its right legs by 1 over it.

    "seen" 0.85, 0.9, 0.95, 1; "moderate" 0.4, 0.45, 0.5, 0.55, 0.6; "extreme" 0.2, 0.25, 0.3, 0.35
    (CaDM's two lists both hold 0.4). CaDM has the same sets for the masses and leaves the damping
    at 1: `vary_damping=False`. See `BodyTask`.
    """

    scales: ClassVar[Mapping[str, tuple[tuple[float, ...], ...]]] = {
        "seen": ((0.85, 0.9, 0.95, 1.0),),
        "moderate": ((0.4, 0.45, 0.5, 0.55, 0.6),),
        "extreme": ((0.2, 0.25, 0.3, 0.35),),
    }
    splits: ClassVar[tuple[str, ...]] = tuple(scales)

    def _power(self, name: str) -> int:
        return POWERS.get(name[-1:], 0)
