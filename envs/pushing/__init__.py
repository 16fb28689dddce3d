"""Pushing objects over a table in PyBullet; importing this loads no simulator."""

from hyperdyn.envs.pushing.base import PushEnv as PushEnv
from hyperdyn.envs.pushing.cameras import VIEWS as VIEWS
from hyperdyn.envs.pushing.cameras import Camera as Camera
from hyperdyn.envs.pushing.cameras import View as View
from hyperdyn.envs.pushing.push import Push as Push
from hyperdyn.envs.pushing.push_obstacles import PushObstacles as PushObstacles
from hyperdyn.envs.pushing.world import Physics as Physics
