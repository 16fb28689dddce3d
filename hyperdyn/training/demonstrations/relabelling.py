"""A replay buffer that learns about one target speed from trying to reach another."""

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from hyperdyn.envs.suite.base import SuiteEnv
from hyperdyn.envs.suite.grids import SPEED
from hyperdyn.training.demonstrations.policy_expert import scaled_specification


class RelabellingBuffer(ReplayBuffer):
    """Remembers what rewards are computed from, and computes them anew for other speeds.

    A target speed changes nothing but the reward, so that each transition is one of every speed.
    Tasks that vary the length alone are left as they are.

    Args:
        *args: As `ReplayBuffer`.
        body: An environment of the task.
        share: Of a batch, to be given another speed of the task's grid.
        **kwargs: As `ReplayBuffer`.
    """

    def __init__(self, *args: Any, body: SuiteEnv, share: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._body = body
        self._share = share if SPEED in body.property_names else 0.0
        self.measures = np.zeros(
            (self.buffer_size, self.n_envs, len(body.measures)), dtype=np.float32
        )
        self.rng = np.random.default_rng(0)
        """Where the other speeds are drawn from; set anew at the beginning of every round."""

    def add(
        self,
        obs: np.ndarray,
        next_obs: np.ndarray,
        action: np.ndarray,
        reward: np.ndarray,
        done: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        """Remember one step of all environments."""
        measured = [[info[name] for name in self._body.measures] for info in infos]
        self.measures[self.pos] = np.array(measured)
        super().add(obs, next_obs, action, reward, done, infos)

    def _get_samples(self, batch_inds: np.ndarray, env: Any = None) -> ReplayBufferSamples:
        columns = self.rng.integers(self.n_envs, size=len(batch_inds))
        at = (batch_inds, columns)
        seen, following = self.observations[at].copy(), self.next_observations[at].copy()
        rewards = self.rewards[at].copy()
        ended = self.dones[at] * (1 - self.timeouts[at])
        others = np.flatnonzero(self.rng.random(len(batch_inds)) < self._share)
        if len(others):
            grid = self._body.grid
            place = grid.names.index(SPEED)
            speeds = self.rng.choice(grid.axes[place], len(others))
            rows = np.repeat(grid.values()[:1], len(others), axis=0)
            rows[:, place] = speeds
            column = seen.shape[1] - len(grid.names) + place
            scaled = scaled_specification(grid, rows)[:, place]
            seen[others, column] = following[others, column] = scaled
            measures = self.measures[batch_inds[others], columns[others]]
            rewards[others] = self._body.reward(measures, speeds)
        parts = (seen, self.actions[at], following, ended[:, None], rewards[:, None])
        return ReplayBufferSamples(*(torch.as_tensor(part, device=self.device) for part in parts))
