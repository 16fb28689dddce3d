"""Locomotion in MuJoCo: robots on ground with hidden properties."""

from hyperdyn.envs.locomotion.base import LocomotionEnv as LocomotionEnv
from hyperdyn.envs.locomotion.cheetah_slope import CheetahSlope as CheetahSlope
