"""The ids of our environments: registered with gymnasium once, and made by name."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import gymnasium

from hyperdyn.errors import require_known

NAMESPACE = "hyperdyn/"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Recipe:
    entry_point: str
    max_episode_steps: int
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)


_CHEETAH_SLOPE = "hyperdyn.envs.locomotion.cheetah_slope:CheetahSlope"
_RECIPES = {
    "hyperdyn/CheetahSlope-v0": _Recipe(entry_point=_CHEETAH_SLOPE, max_episode_steps=500),
    "hyperdyn/CheetahSlope15m-v0": _Recipe(
        entry_point=_CHEETAH_SLOPE, max_episode_steps=500, kwargs={"segment_length": 15.0}
    ),
    "hyperdyn/Push-v0": _Recipe(
        entry_point="hyperdyn.envs.pushing.push:Push", max_episode_steps=30
    ),
    "hyperdyn/PushObstacles-v0": _Recipe(
        entry_point="hyperdyn.envs.pushing.push_obstacles:PushObstacles", max_episode_steps=30
    ),
}

ENV_IDS: tuple[str, ...] = tuple(_RECIPES)


def register() -> None:
    """Make our ids known to gymnasium; those it knows already stay as they are."""
    for name, recipe in _RECIPES.items():
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point=recipe.entry_point,
                max_episode_steps=recipe.max_episode_steps,
                kwargs=dict(recipe.kwargs),
            )


def make(name: str, **kwargs: object) -> gymnasium.Env[Any, Any]:
    """Make an environment: ours, or any other that gymnasium has registered.

    Args:
        name: An id such as "hyperdyn/CheetahSlope-v0".
        kwargs: As for `gymnasium.make`.

    Raises:
        UnknownNameError: If nothing is registered under `name`; the text lists our ids and the
            nearest of them.
    """
    if name not in gymnasium.registry:
        require_known("environment", name, ENV_IDS)
    arguments: dict[str, Any] = dict(kwargs)
    return gymnasium.make(name, **arguments)
