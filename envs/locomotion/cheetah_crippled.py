"""`hyperdyn/CheetahCrippled-v0`: a half-cheetah with a joint that does not move."""

from collections.abc import Mapping
from typing import ClassVar

from hyperdyn.envs.locomotion.cheetah import Cheetah
from hyperdyn.envs.locomotion.crippled_task import CrippledTask


class CheetahCrippled(CrippledTask, Cheetah):
    """The half-cheetah (`Cheetah`) with a joint crippled, on flat ground.

    CaDM's joints: "seen" one of the hind leg's or the front thigh, "moderate" the front shin or the
    front foot, "extreme" both of these. See `CrippledTask`.
    """

    groups: ClassVar[Mapping[str, tuple[tuple[str, ...], ...]]] = {
        "seen": (("bthigh",), ("bshin",), ("bfoot",), ("fthigh",)),
        "moderate": (("fshin",), ("ffoot",)),
        "extreme": (("fshin", "ffoot"),),
    }
    splits: ClassVar[tuple[str, ...]] = tuple(groups)
