"""A suite's environment whose observation ends with the specification."""

from typing import Any

import gymnasium
import numpy as np
from jaxtyping import Float

from hyperdyn.envs import make
from hyperdyn.envs.suite.grids import Grid
from hyperdyn.training.demonstrations.policy_expert import scaled_specification


class ConditionedEnv(gymnasium.Wrapper[np.ndarray, np.ndarray, np.ndarray, np.ndarray]):
    """Draws a specification of the whole grid for every episode and shows it to the learner.

    Args:
        grid: The task.
    """

    def __init__(self, grid: Grid) -> None:
        super().__init__(make(grid.env_id))
        self.grid = grid
        shown = self.env.observation_space
        width = int(np.prod(shown.shape or ())) + len(grid.names)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (width,), np.float32)
        self._rng = np.random.default_rng()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float[np.ndarray, " O"], dict[str, Any]]:
        """Begin an episode with a drawn specification."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        values = self.grid.values()
        row = values[self._rng.integers(len(values))]
        self._scaled = scaled_specification(self.grid, row)
        start = int(self._rng.integers(2**31))
        observation, info = self.env.reset(
            seed=start, options=dict(zip(self.grid.names, row.tolist(), strict=True))
        )
        return self._with(observation), info

    def step(
        self, action: np.ndarray
    ) -> tuple[Float[np.ndarray, " O"], float, bool, bool, dict[str, Any]]:
        """Act."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._with(observation), float(reward), terminated, truncated, info

    def _with(self, observation: np.ndarray) -> Float[np.ndarray, " O"]:
        return np.concatenate((observation, self._scaled)).astype(np.float32)
