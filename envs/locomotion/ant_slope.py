"""`hyperdyn/AntSlope-v0`: an ant up consecutive slopes of unknown steepness."""

from hyperdyn.envs.locomotion.ant import Ant
from hyperdyn.envs.locomotion.slope_task import SlopeTask


class AntSlope(SlopeTask, Ant):
    """The ant (`Ant`) on slopes (`SlopeTask`) of 20 m in width."""
