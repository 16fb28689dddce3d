"""Locomotion in MuJoCo: robots on ground with hidden properties."""

from hyperdyn.envs.locomotion.ant_body import AntBody as AntBody
from hyperdyn.envs.locomotion.ant_crippled import AntCrippled as AntCrippled
from hyperdyn.envs.locomotion.ant_flip import AntFlip as AntFlip
from hyperdyn.envs.locomotion.ant_pier import AntPier as AntPier
from hyperdyn.envs.locomotion.ant_slope import AntSlope as AntSlope
from hyperdyn.envs.locomotion.base import LocomotionEnv as LocomotionEnv
from hyperdyn.envs.locomotion.cheetah_body import CheetahBody as CheetahBody
from hyperdyn.envs.locomotion.cheetah_crippled import CheetahCrippled as CheetahCrippled
from hyperdyn.envs.locomotion.cheetah_flip import CheetahFlip as CheetahFlip
from hyperdyn.envs.locomotion.cheetah_pier import CheetahPier as CheetahPier
from hyperdyn.envs.locomotion.cheetah_slope import CheetahSlope as CheetahSlope
