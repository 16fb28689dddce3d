"""`hyperdyn/CheetahFlip-v0`: a half-cheetah with motors that turn the wrong way."""

from hyperdyn.envs.locomotion.cheetah import Cheetah
from hyperdyn.envs.locomotion.flip_task import FlipTask


class CheetahFlip(FlipTask, Cheetah):
    """The half-cheetah (`Cheetah`) with some of its six motors flipped (`FlipTask`)."""
