"""`hyperdyn/CheetahPier-v0`: a half-cheetah over floating blocks of unknown damping."""

from collections.abc import Mapping
from typing import ClassVar

from hyperdyn.envs.locomotion.cheetah import Cheetah
from hyperdyn.envs.locomotion.pier import RELEASED, PierPhysics, floating
from hyperdyn.envs.locomotion.pier_task import PierTask


class CheetahPier(PierTask, Cheetah):
    """The half-cheetah (`Cheetah`) on a pier (`PierTask`), floating or as released."""

    presets: ClassVar[Mapping[str, PierPhysics]] = {
        "floating": floating(Cheetah.mass),
        "released": RELEASED,
    }
