"""A round of batched soft actor-critic: act in every task, remember, learn; and an evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.training.experts.learner import Batch, BatchedSAC
from hyperdyn.training.experts.replay import Replay
from hyperdyn.training.experts.streams import RoundStreams
from hyperdyn.training.experts.worlds import Worlds
from hyperdyn.training.seeds import seed_for


@dataclass(kw_only=True)
class Played:
    """What a round leaves behind, beside what was learnt."""

    returns: list[list[float]]
    """Of each task, those of its whole episodes."""
    kept: list[Float[Tensor, "T P"]] = field(default_factory=list)
    """Actors to keep, in the order of the steps."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """Which steps a round has, and who acts and learns in them.

    Args of `play` aside, a round knows nothing of a run's folder: it can be run anew from the
    learner and the memory that it began with.
    """

    rows: tuple[tuple[int, int], ...]
    """Task and seed of each row; its random numbers follow from them."""
    number: int
    """Of the round."""
    steps: int
    """Of the round."""
    learning_starts: int
    """Steps of the run before any learning."""
    actors_begin: bool = False
    """Whether the actors act in those too; if not, actions are random."""
    keeps: Callable[[int], bool] = lambda made: False
    """Whether the actors after so many steps of the run are kept."""

    def play(
        self,
        worlds: Worlds,
        learner: BatchedSAC,
        optimiser: torch.optim.Adam,
        replay: Replay,
        on_step: Callable[[], object] = lambda: None,
    ) -> Played:
        """Make the steps, each with an optimiser step once learning has started."""
        device, rows = learner.actors.device, range(len(self.rows))
        streams = RoundStreams(self.rows, self.number, device)
        episodes = [0] * len(rows)
        ages, totals = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows))
        played = Played(returns=[[] for _ in rows])
        seen = np.stack([self._reset(worlds, row, 0) for row in rows])
        for step in range(self.steps):
            made = self.number * self.steps + step
            learning = made >= self.learning_starts
            observations = _tensor(seen, device)
            actions = (
                learner.act(observations, streams.normal(learner.action_dim))
                if learning or self.actors_begin
                else 2 * streams.uniform(learner.action_dim) - 1
            )
            following, rewards, terminated = worlds.step(actions.cpu().double().numpy())
            replay.add(
                observations=observations,
                actions=actions,
                rewards=_tensor(rewards, device),
                following=_tensor(following, device),
                terminated=_tensor(terminated, device),
            )
            seen, ages, totals = following.copy(), ages + 1, totals + rewards
            for row in np.flatnonzero(terminated | (ages == worlds.horizon)).tolist():
                played.returns[row].append(float(totals[row]))
                episodes[row] += 1
                ages[row], totals[row] = 0, 0.0
                seen[row] = self._reset(worlds, row, episodes[row])
            if learning:
                learner.update(_batch(learner, replay, streams), optimiser)
            if self.keeps(made + 1):
                played.kept.append(learner.actors.detach().cpu().clone())
            on_step()
        return played

    def _reset(self, worlds: Worlds, row: int, episode: int) -> Float[np.ndarray, " O"]:
        task, seed = self.rows[row]
        return worlds.reset(row, seed_for(seed, "collect", task, self.number, episode))


@runtime_checkable
class Actors(Protocol):
    """An actor for each row."""

    def act(self, observations: Float[Tensor, "T O"]) -> Float[Tensor, "T A"]:
        """An action of each, without noise."""


def evaluate(
    worlds: Worlds,
    actors: Actors,
    tasks: Sequence[int],
    *,
    episodes: int,
    seed: int,
    device: torch.device | str = "cpu",
) -> Float[np.ndarray, "T N"]:
    """Returns of some episodes of each row, with the actors' mean actions.

    Args:
        worlds: A row each.
        actors: A row each.
        tasks: Their indices, from which the episodes' starts follow.
        episodes: N.
        seed: Of the run.
        device: Where the actors are.
    """
    returns = np.zeros((len(tasks), episodes))
    for number in range(episodes):
        starts = [
            worlds.reset(row, seed_for(seed, "evaluate", task, number))
            for row, task in enumerate(tasks)
        ]
        seen, running = np.stack(starts), np.ones(len(tasks), dtype=bool)
        for _ in range(worlds.horizon):
            actions = actors.act(_tensor(seen, device))
            seen, rewards, terminated = worlds.step(actions.detach().cpu().double().numpy())
            returns[:, number] += np.where(running, rewards, 0.0)
            running &= ~terminated
    return returns


def _batch(learner: BatchedSAC, replay: Replay, streams: RoundStreams) -> Batch:
    size, width = learner.settings.batch, learner.action_dim
    places = (streams.uniform(size) * len(replay)).long().clamp(max=len(replay) - 1)
    noise, following_noise = streams.normal(2, size, width).unbind(1)
    return Batch(**replay.take(places), noise=noise, following_noise=following_noise)


def _tensor(values: np.ndarray, device: torch.device | str) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32, device=device)
