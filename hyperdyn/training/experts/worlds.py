"""Tasks that are acted in in lockstep: what the learner sees of environments."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from hyperdyn.envs import make
from hyperdyn.envs.meta import FAMILIES


@runtime_checkable
class Worlds(Protocol):
    """T environments, one a task."""

    @property
    def observation_dim(self) -> int:
        """O."""

    @property
    def action_dim(self) -> int:
        """A; actions lie in [-1, 1]."""

    @property
    def horizon(self) -> int:
        """Steps of an episode that nothing else ends."""

    def reset(self, row: int, seed: int) -> Float[np.ndarray, " O"]:
        """Begin an episode of one task; its observation."""

    def step(
        self, actions: Float[np.ndarray, "T A"]
    ) -> tuple[Float[np.ndarray, "T O"], Float[np.ndarray, " T"], Bool[np.ndarray, " T"]]:
        """Act in all; observations, rewards, and which episodes ended in a terminal state."""

    def close(self) -> None:
        """Free what they hold."""


class MetaWorlds:
    """Some tasks of a family, in this process.

    Args:
        family: Such as "cheetah-vel".
        tasks: Indices of published tasks.
    """

    def __init__(self, family: str, tasks: Sequence[int]) -> None:
        self._tasks = tuple(tasks)
        made = [make(FAMILIES[family].env_id) for _ in self._tasks]
        assert made[0].spec is not None
        self._horizon = int(made[0].spec.max_episode_steps or 0)
        self._envs = [env.unwrapped for env in made]

    @property
    def observation_dim(self) -> int:
        """O."""
        return int(self._envs[0].observation_space.shape[0])  # type: ignore[index]

    @property
    def action_dim(self) -> int:
        """A."""
        return int(self._envs[0].action_space.shape[0])  # type: ignore[index]

    @property
    def horizon(self) -> int:
        """200 steps."""
        return self._horizon

    def reset(self, row: int, seed: int) -> Float[np.ndarray, " O"]:
        """Begin an episode of one task."""
        options = {"task": self._tasks[row]}
        return np.asarray(self._envs[row].reset(seed=seed, options=options)[0])

    def step(
        self, actions: Float[np.ndarray, "T A"]
    ) -> tuple[Float[np.ndarray, "T O"], Float[np.ndarray, " T"], Bool[np.ndarray, " T"]]:
        """Act in all tasks, one after the other."""
        moved = [env.step(action) for env, action in zip(self._envs, actions, strict=True)]
        observations = np.stack([one[0] for one in moved])
        rewards = np.array([one[1] for one in moved], dtype=np.float64)
        return observations, rewards, np.array([one[2] for one in moved])

    def close(self) -> None:
        """Close the environments."""
        for env in self._envs:
            env.close()
