"""Reading a collection: shards are checked one by one, and a damaged one spoils only itself."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from hyperdyn.envs.pushing.base import POOLS
from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.storage import from_config, is_written, read_folder, read_header, to_config
from hyperdyn.training.pushing.configs import CollectConfig
from hyperdyn.training.pushing.episodes import ENDINGS, PushingEpisodes, PushingImages, join
from hyperdyn.training.pushing.recording import (
    IMAGES_KIND,
    MOTION_KIND,
    images_folder,
    motion_folder,
)

DATASET_FILE = "dataset.json"


class ShardError(CheckpointError):
    """A shard that is damaged or not there; the text names it and says how to mend it."""


class PushingDataset:
    """What `hyperdyn collect push` wrote.

    Args:
        folder: The collection.

    Attributes:
        folder: The collection.
        config: What was asked for.
        object_ids: The ids that `PushingEpisodes.objects` counts through.
        shards: Numbers of the shards that are there, in order.

    Raises:
        CheckpointError: If the folder holds no collection.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.config, self.object_ids = read_description(self.folder)
        self.shards: tuple[int, ...] = tuple(
            shard
            for shard in range(self.config.num_shards)
            if is_written(motion_folder(self.folder, shard))
        )

    @property
    def has_images(self) -> bool:
        """Whether there is a picture to each episode."""
        return self.config.images or self.config.kind == "shapes"

    def endings(self) -> dict[str, int]:
        """How many episodes were complete and how many were cut, by what cut them."""
        totals = dict.fromkeys(ENDINGS, 0)
        for shard in self.shards:
            try:
                counts = read_header(motion_folder(self.folder, shard))["config"]["endings"]
            except CheckpointError as error:
                raise self._named(shard, error) from error
            totals = {ending: totals[ending] + counts[ending] for ending in ENDINGS}
        return totals

    def read(self, shard: int) -> PushingEpisodes:
        """Read and check the states and actions of one shard.

        Raises:
            ShardError: If it is damaged or not there.
        """
        return PushingEpisodes(**self._read(shard, motion_folder(self.folder, shard), MOTION_KIND))

    def read_images(self, shard: int) -> PushingImages:
        """Read and check the pictures of one shard, in the order of its episodes.

        Raises:
            InputError: If the collection has none.
            ShardError: If they are damaged or not there.
        """
        if not self.has_images:
            raise InputError(f"{self.folder} was collected without images; collect with --images.")
        return PushingImages(**self._read(shard, images_folder(self.folder, shard), IMAGES_KIND))

    def check(self) -> dict[int, ShardError]:
        """Read every shard, pictures too, and say what is wrong with which."""
        problems = {}
        for shard in range(self.config.num_shards):
            try:
                self.read(shard)
                if self.has_images:
                    self.read_images(shard)
            except ShardError as error:
                problems[shard] = error
        return problems

    def read_all(self, *, skip: frozenset[int] | set[int] = frozenset()) -> PushingEpisodes:
        """The states and actions of all shards that are there, but those to skip.

        Raises:
            ShardError: If one is damaged. To go on without it, skip the keys of `check()`.
        """
        return join([self.read(shard) for shard in self.shards if shard not in skip])

    def _read(self, shard: int, folder: Path, kind: str) -> dict[str, Tensor]:
        try:
            _, tensors = read_folder(folder, kind)
        except CheckpointError as error:
            raise self._named(shard, error) from error
        wanted = set((PushingEpisodes if kind == MOTION_KIND else PushingImages).__annotations__)
        rows = {len(tensor) for tensor in tensors.values()}
        if set(tensors) != wanted or rows != {len(self.config.rows(shard))}:
            raise ShardError(
                f"Shard {shard} ({folder}) holds {sorted(tensors)} with {sorted(rows)} rows, not "
                f"{sorted(wanted)} with {len(self.config.rows(shard))}. {self._mend(shard)}"
            )
        return tensors

    def _named(self, shard: int, error: CheckpointError) -> ShardError:
        return ShardError(f"Shard {shard} cannot be used: {error} {self._mend(shard)}")

    def _mend(self, shard: int) -> str:
        return (
            f"Delete {motion_folder(self.folder, shard)} and collect again with the same command: "
            "that shard alone is made anew, with the same numbers."
        )


def description(config: CollectConfig) -> dict[str, Any]:
    """What stands in a collection's own file: the configuration, and the ids behind numbers."""
    return {"config": to_config(config), "object_ids": list(POOLS[config.split])}


def read_description(folder: Path) -> tuple[CollectConfig, tuple[str, ...]]:
    """What a collection was asked to hold, and the ids its object numbers stand for.

    Raises:
        CheckpointError: If there is none, or its description cannot be read.
    """
    file = folder / DATASET_FILE
    try:
        found = json.loads(file.read_text())
        return from_config(CollectConfig, found["config"]), tuple(map(str, found["object_ids"]))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{folder} has no {DATASET_FILE}; give a folder that `hyperdyn collect push` wrote."
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{file} is not the description of a collection ({type(error).__name__}: {error}). "
            "Copy the folder again."
        ) from error
