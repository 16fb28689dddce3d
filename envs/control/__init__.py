"""Small control problems with true dynamics, for planners to be tried on; E systems at once."""

from hyperdyn.envs.control.flat_cheetah import flat_cheetah as flat_cheetah
from hyperdyn.envs.control.flat_cheetah import flat_cheetah_start as flat_cheetah_start
from hyperdyn.envs.control.pendulum import Pendulum as Pendulum
from hyperdyn.envs.control.point_mass_gap import PointMassGap as PointMassGap
