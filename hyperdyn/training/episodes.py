"""Recorded episodes: raw numbers, in memory and on disk."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.storage import read_folder, write_folder

KIND = "episodes"


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """B episodes of at most T steps, never normalised.

    An episode that ended early has a smaller length; what its rows hold beyond it means nothing.
    """

    actions: Float[Tensor, "B T A"]
    states: Float[Tensor, "B T+1 S"]
    rewards: Float[Tensor, "B T"]
    """Reward of each step; 0 beyond an episode's length."""
    lengths: Int[Tensor, " B"]
    contexts: tuple[dict[str, Any], ...]
    """The hidden properties of each system, as JSON values: for the record, never for a model."""

    def __len__(self) -> int:
        """B."""
        return len(self.states)

    def __getitem__(self, rows: Sequence[int]) -> "Episodes":
        """Select episodes."""
        index = torch.tensor(list(rows), dtype=torch.long)
        return Episodes(
            states=self.states[index],
            actions=self.actions[index],
            rewards=self.rewards[index],
            lengths=self.lengths[index],
            contexts=tuple(self.contexts[row] for row in rows),
        )

    def to(self, device: torch.device) -> "Episodes":
        """The same on a device."""
        return Episodes(
            states=self.states.to(device),
            actions=self.actions.to(device),
            rewards=self.rewards.to(device),
            lengths=self.lengths.to(device),
            contexts=self.contexts,
        )

    @property
    def returns(self) -> Float[Tensor, " B"]:
        """Undiscounted return of each episode."""
        return self.rewards.double().sum(1)

    @property
    def num_steps(self) -> int:
        """Transitions in all."""
        return int(self.lengths.sum())

    def save(self, folder: Path) -> None:
        """Write to a folder.

        Raises:
            CheckpointError: If it cannot be written.
        """
        tensors = {
            "states": self.states,
            "actions": self.actions,
            "rewards": self.rewards,
            "lengths": self.lengths,
        }
        write_folder(folder, KIND, {"contexts": list(self.contexts)}, tensors)

    @classmethod
    def load(cls, folder: Path) -> "Episodes":
        """Read a folder written by `save`.

        Raises:
            CheckpointError: If it is missing or damaged.
        """
        config, tensors = read_folder(folder, KIND)
        return cls(contexts=tuple(config["contexts"]), **tensors)


def concatenate(parts: Sequence[Episodes]) -> Episodes:
    """Join recordings.

    Raises:
        InputError: If there are none.
    """
    if not parts:
        raise InputError("There are no episodes to join; collect at least one.")
    return Episodes(
        states=torch.cat([part.states for part in parts]),
        actions=torch.cat([part.actions for part in parts]),
        rewards=torch.cat([part.rewards for part in parts]),
        lengths=torch.cat([part.lengths for part in parts]),
        contexts=tuple(context for part in parts for context in part.contexts),
    )


def json_context(context: dict[str, Any]) -> dict[str, Any]:
    """An environment's `info["context"]` as JSON values."""
    plain: dict[str, Any] = json.loads(json.dumps(context, default=lambda value: value.tolist()))
    return plain
