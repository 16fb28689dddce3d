"""`hyperdyn/AntFlip-v0`: an ant with motors that turn the wrong way."""

from hyperdyn.envs.locomotion.ant import Ant
from hyperdyn.envs.locomotion.flip_task import FlipTask


class AntFlip(FlipTask, Ant):
    """The ant (`Ant`) with some of its eight motors flipped (`FlipTask`)."""
