"""`hyperdyn/CheetahSlope-v0`: a half-cheetah up consecutive slopes of unknown steepness."""

from hyperdyn.envs.locomotion.cheetah import Cheetah
from hyperdyn.envs.locomotion.slope_task import SlopeTask


class CheetahSlope(SlopeTask, Cheetah):
    """The half-cheetah (`Cheetah`) on slopes (`SlopeTask`).

    `hyperdyn/CheetahSlope15m-v0` has segments of 15 m and the same grades.
    """
