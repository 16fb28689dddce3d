"""`hyperdyn/AntPier-v0`: an ant over floating blocks of unknown damping."""

from collections.abc import Mapping
from typing import ClassVar

from hyperdyn.envs.locomotion.ant import Ant
from hyperdyn.envs.locomotion.pier import PierPhysics, floating
from hyperdyn.envs.locomotion.pier_task import PierTask


class AntPier(PierTask, Ant):
    """The ant (`Ant`) on a pier (`PierTask`) of 20 m in width."""

    presets: ClassVar[Mapping[str, PierPhysics]] = {"floating": floating(Ant.mass)}
