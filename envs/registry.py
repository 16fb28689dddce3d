"""The ids of our environments: registered with gymnasium once, and made by name."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import gymnasium

from hyperdyn.envs.meta.tasks import FAMILIES
from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import require_known

NAMESPACE = "hyperdyn/"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Recipe:
    entry_point: str
    max_episode_steps: int
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _locomotion(module: str, name: str, **kwargs: Any) -> _Recipe:
    """500 steps of a class in a module of the package `locomotion`."""
    entry_point = f"hyperdyn.envs.locomotion.{module}:{name}"
    return _Recipe(entry_point=entry_point, max_episode_steps=500, kwargs=kwargs)


def _suite(task: str) -> _Recipe:
    """1000 steps of a task of the control suite, such as "cheetah-speed"."""
    body = task.split("-")[0]
    entry_point = f"hyperdyn.envs.suite.{body}:Suite{body.title()}"
    return _Recipe(entry_point=entry_point, max_episode_steps=1000, kwargs={"task": task})


def _meta(family: str) -> _Recipe:
    """200 steps of a family of tasks, such as "ant-dir"."""
    module = family.replace("-", "_")
    entry_point = f"hyperdyn.envs.meta.{module}:{family.title().replace('-', '')}"
    return _Recipe(entry_point=entry_point, max_episode_steps=200)


_RECIPES = {
    "hyperdyn/CheetahSlope-v0": _locomotion("cheetah_slope", "CheetahSlope"),
    "hyperdyn/CheetahSlope15m-v0": _locomotion(
        "cheetah_slope", "CheetahSlope", segment_length=15.0
    ),
    "hyperdyn/AntSlope-v0": _locomotion("ant_slope", "AntSlope"),
    "hyperdyn/CheetahPier-v0": _locomotion("cheetah_pier", "CheetahPier"),
    "hyperdyn/AntPier-v0": _locomotion("ant_pier", "AntPier"),
    "hyperdyn/CheetahBody-v0": _locomotion("cheetah_body", "CheetahBody"),
    "hyperdyn/AntBody-v0": _locomotion("ant_body", "AntBody"),
    "hyperdyn/CheetahCrippled-v0": _locomotion("cheetah_crippled", "CheetahCrippled"),
    "hyperdyn/AntCrippled-v0": _locomotion("ant_crippled", "AntCrippled"),
    "hyperdyn/CheetahFlip-v0": _locomotion("cheetah_flip", "CheetahFlip"),
    "hyperdyn/AntFlip-v0": _locomotion("ant_flip", "AntFlip"),
    "hyperdyn/Push-v0": _Recipe(
        entry_point="hyperdyn.envs.pushing.push:Push", max_episode_steps=60
    ),
    "hyperdyn/PushObstacles-v0": _Recipe(
        entry_point="hyperdyn.envs.pushing.push_obstacles:PushObstacles", max_episode_steps=60
    ),
    **{grid.env_id: _suite(grid.task) for grid in GRIDS.values()},
    **{family.env_id: _meta(family.name) for family in FAMILIES.values()},
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
