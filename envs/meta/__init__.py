"""Families of tasks that differ in the reward alone: run at a velocity, run in a direction.

The environments are made by their ids; `FAMILIES` has the published lists of tasks.
"""

from hyperdyn.envs.meta.tasks import FAMILIES as FAMILIES
from hyperdyn.envs.meta.tasks import Family as Family
