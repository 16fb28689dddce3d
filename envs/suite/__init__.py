"""Cheetah, walker and finger with a target speed and a length: HyPoGen's contextual suite.

The environments are made by their ids; `true_dynamics` has their simulators for planners.
"""

from hyperdyn.envs.suite.grids import GRIDS as GRIDS
from hyperdyn.envs.suite.grids import Grid as Grid
