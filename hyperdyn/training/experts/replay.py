"""What T tasks have experienced: a row each, in memory and in a folder a round."""

from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hyperdyn.storage import read_folder, write_folder

KIND = "experience"
_PARTS = ("observations", "actions", "rewards", "following", "terminated")


class Replay:
    """The latest transitions of T tasks, of each as many.

    Args:
        tasks: T.
        capacity: Transitions of each task; a multiple of a round's.
        observation_dim: O.
        action_dim: A.
        device: Where they are kept.
    """

    def __init__(
        self,
        tasks: int,
        capacity: int,
        *,
        observation_dim: int,
        action_dim: int,
        device: torch.device | str = "cpu",
    ) -> None:
        widths = {
            "observations": (observation_dim,),
            "actions": (action_dim,),
            "following": (observation_dim,),
        }
        self._parts = {
            name: torch.zeros(tasks, capacity, *widths.get(name, ()), device=device)
            for name in _PARTS
        }
        self._rows = torch.arange(tasks, device=device)[:, None]
        self.capacity = capacity
        self.added = 0
        """Steps remembered ever, of each task."""

    def __len__(self) -> int:
        """Transitions of each task that are remembered now."""
        return min(self.added, self.capacity)

    def add(self, **parts: Float[Tensor, "T ..."]) -> None:
        """Remember one step of every task; the oldest are forgotten."""
        place = self.added % self.capacity
        for name in _PARTS:
            self._parts[name][:, place] = parts[name]
        self.added += 1

    def take(self, places: Int[Tensor, "T B"]) -> dict[str, Tensor]:
        """Transitions of each task at places below `len(self)`."""
        return {name: part[self._rows, places] for name, part in self._parts.items()}

    def write_latest(self, folder: Path, steps: int) -> None:
        """Write the latest steps, which no end of the memory divides.

        Raises:
            CheckpointError: If they cannot be written.
        """
        end = (self.added - 1) % self.capacity + 1
        tensors = {name: part[:, end - steps : end] for name, part in self._parts.items()}
        write_folder(folder, KIND, {"from": self.added - steps}, tensors)

    def read(self, folder: Path) -> None:
        """Put what `write_latest` wrote back in its place.

        Raises:
            CheckpointError: If the folder is missing or damaged.
        """
        config, tensors = read_folder(folder, KIND)
        start = int(config["from"])
        place, steps = start % self.capacity, tensors["rewards"].shape[1]
        for name, part in self._parts.items():
            part[:, place : place + steps] = tensors[name].to(part.device)
        self.added = max(self.added, start + steps)
