"""What pushing models are trained on, in memory: pairs of episodes of one system, and crops."""

import functools
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.pushing import Interactions, Truth
from hyperdyn.pushing.state import turned_by
from hyperdyn.training.pushing.crops import Crops, read_crops
from hyperdyn.training.pushing.dataset import PushingDataset
from hyperdyn.training.pushing.episodes import PushingEpisodes, join


@dataclass(frozen=True)
class Pairs:
    """Rows of episodes: what was watched of a system, and what is predicted of it."""

    watched: Int[Tensor, " B"]
    """A whole episode of the system."""
    predicted: Int[Tensor, " B"]
    """Another one, of at least one push."""

    def __len__(self) -> int:
        """B."""
        return len(self.watched)

    def __getitem__(self, rows: Tensor) -> "Pairs":
        """Select pairs."""
        return Pairs(self.watched[rows], self.predicted[rows])


@dataclass(frozen=True)
class PushData:
    """Episodes with the crops of their pictures."""

    episodes: PushingEpisodes
    crops: Crops

    @classmethod
    def read(cls, dataset: PushingDataset, crops: Path, shards: tuple[int, ...]) -> "PushData":
        """Read some shards of a collection, and their crops.

        Raises:
            ShardError: If a shard is damaged.
            CheckpointError: If its crops are missing or damaged.
            InputError: If its systems have one episode each.
        """
        if dataset.config.per_system % 2:
            raise InputError(
                f"{dataset.folder} holds {dataset.config.per_system} episodes a system: they do "
                "not go in pairs, one to tell what is pushed and one to be predicted. Collect with "
                "per_system=2."
            )
        return cls(join([dataset.read(shard) for shard in shards]), read_crops(crops, shards))

    @functools.cached_property
    def yaws(self) -> Float[Tensor, "B _"]:
        """Of the object at each of its T + 1 states, radians."""
        return turned_by(self.episodes.states)

    def pairs(self, *, whole: bool = False) -> Pairs:
        """Each episode that can be predicted, with its system's other one, which is whole.

        Args:
            whole: Only whole episodes are predicted, too.
        """
        rows = torch.arange(len(self.episodes))
        watched, predicted = rows ^ 1, rows  # neighbours: two episodes in a row are one system's
        inside = watched < len(rows)
        watched, predicted = watched[inside], predicted[inside]
        complete = self.episodes.complete
        usable = complete[predicted] if whole else self.episodes.lengths[predicted] > 0
        usable = usable & complete[watched]
        return Pairs(watched[usable], predicted[usable])

    def interactions(self, pairs: Pairs) -> Interactions:
        """What was watched."""
        rows = pairs.watched
        return Interactions(self.episodes.states[rows], self.episodes.actions[rows])

    def truth(self, pairs: Pairs, *, known: bool) -> Truth:
        """What an oracle is told.

        Args:
            pairs: Of which systems.
            known: Whether the objects are those that experts were trained on.
        """
        rows, episodes = pairs.predicted, self.episodes
        objects = episodes.objects[rows]
        return Truth(
            objects if known else torch.full_like(objects, -1),
            episodes.masses[rows],
            episodes.frictions[rows],
        )
