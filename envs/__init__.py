"""Gymnasium environments with hidden properties; importing this registers their ids."""

from hyperdyn.envs.contexts import SPLITS as SPLITS
from hyperdyn.envs.errors import RenderingUnavailableError as RenderingUnavailableError
from hyperdyn.envs.registry import ENV_IDS as ENV_IDS
from hyperdyn.envs.registry import make as make
from hyperdyn.envs.registry import register as _register

_register()
