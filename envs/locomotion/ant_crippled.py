"""`hyperdyn/AntCrippled-v0`: an ant with a leg that does not move."""

from collections.abc import Mapping
from typing import ClassVar

from hyperdyn.envs.locomotion.ant import LEGS, Ant
from hyperdyn.envs.locomotion.crippled_task import CrippledTask


def _joints(*legs: int) -> tuple[str, ...]:
    return tuple(f"{joint}{leg}" for leg in legs for joint in ("hip", "ankle"))


class AntCrippled(CrippledTask, Ant):
    """The ant (`Ant`) with hip and ankle of a leg crippled, on flat ground.

    The legs of Nagabandi et al. 2019: "seen" one of legs 1 to 3, "moderate" leg 4; ours: "extreme"
    leg 4 and another. See `CrippledTask`; there the crippled leg is also made shorter.
    """

    groups: ClassVar[Mapping[str, tuple[tuple[str, ...], ...]]] = {
        "seen": tuple(_joints(leg) for leg in LEGS[:3]),
        "moderate": (_joints(4),),
        "extreme": tuple(_joints(leg, 4) for leg in LEGS[:3]),
    }
    splits: ClassVar[tuple[str, ...]] = tuple(groups)
