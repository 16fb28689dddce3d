"""Reading demonstrations: a shard a specification, each checked; a damaged one is named."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import CheckpointError
from hyperdyn.storage import from_config, is_written, read_folder
from hyperdyn.training.demonstrations.configs import DemonstrationConfig

DESCRIPTION_FILE = "demonstrations.json"
KIND = "demonstrations"
TENSORS = ("observations", "actions", "rewards")


class ShardError(CheckpointError):
    """A shard that is damaged or not there; the text names it and says how to mend it."""


@dataclass(frozen=True, kw_only=True)
class DemonstrationMeta:
    """Where demonstrations are from."""

    task: str
    """Such as "cheetah-speed"."""
    env_id: str
    """The environment of the task."""
    expert: str
    """"planner" or "sac"."""
    settings: dict[str, Any]
    """All that the expert is made of, as JSON values."""
    reward_scale: float
    """The most that an episode can return: its steps."""


@dataclass(frozen=True, kw_only=True)
class Demonstrations:
    """What experts did on C specifications of a task, R episodes of T steps each, raw numbers."""

    specifications: Float[Tensor, "C D"]
    """Values of what is varied, never normalised."""
    names: tuple[str, ...]
    """What is varied: "speed", "length", or both; keys of `reset(options=...)` too."""
    ids: tuple[int, ...]
    """Each specification's place in the task's grid."""
    observations: Float[Tensor, "C R T O"]
    """What the expert saw before each action."""
    actions: Float[Tensor, "C R T A"]
    """What it did, within [-1, 1]."""
    rewards: Float[Tensor, "C R T"]
    """Of each action, at most 1."""
    meta: DemonstrationMeta
    """Task and expert."""

    @property
    def returns(self) -> Float[Tensor, "C R"]:
        """Undiscounted return of each episode: what every score is read against."""
        return self.rewards.double().sum(2)

    def split(self, number: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Rows (along C) for training and for testing, by the task's explicit ids.

        Raises:
            InputError: If there is no split of that number.
        """
        return split_rows(self.meta.task, self.ids, number)

    @classmethod
    def read(cls, folder: str | Path) -> "Demonstrations":
        """Read and check what `hyperdyn collect demonstrations` wrote.

        Raises:
            ShardError: If a specification's shard is damaged or not there; the text names it.
            CheckpointError: If the folder holds no demonstrations.
        """
        folder = Path(folder)
        config, settings = read_description(folder)
        missing = [row for row in config.ids if not is_written(shard_folder(folder, row))]
        if missing:
            raise ShardError(
                f"{folder} lacks {len(missing)} of {len(config.ids)} specifications (ids "
                f"{', '.join(map(str, missing[:8]))}{', …' if len(missing) > 8 else ''}); "
                "the same `hyperdyn collect demonstrations` command goes on."
            )
        shards = [read_shard(folder, config, row) for row in config.ids]
        grid = GRIDS[config.task]
        values = torch.from_numpy(grid.values()).float()
        return cls(
            specifications=values[list(config.ids)],
            names=grid.names,
            ids=config.ids,
            meta=DemonstrationMeta(
                task=config.task,
                env_id=grid.env_id,
                expert=config.expert,
                settings=settings,
                reward_scale=float(config.steps),
            ),
            **{name: torch.stack([shard[name] for shard in shards]) for name in TENSORS},
        )


def split_rows(
    task: str, ids: tuple[int, ...], number: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places among the ids of a task's specifications for training and for testing.

    Raises:
        InputError: If there is no split of that number.
    """
    grid = GRIDS[task]
    train, test = (
        tuple(ids.index(row) for row in grid.ids(name, number) if row in ids)
        for name in ("train", "test")
    )
    return train, test


def shard_folder(folder: Path, row: int) -> Path:
    """Where the demonstrations of one specification stand."""
    return folder / f"specification-{row:04d}"


def read_shard(folder: Path, config: DemonstrationConfig, row: int) -> dict[str, Tensor]:
    """Read and check the demonstrations of one specification.

    Raises:
        ShardError: If they are damaged, not there, or of other sizes than `config` says.
    """
    place = shard_folder(folder, row)
    mend = (
        f"Delete {place} and collect again with the same command: that specification alone is "
        "shown anew, with the same numbers."
    )
    try:
        _, tensors = read_folder(place, KIND)
    except CheckpointError as error:
        raise ShardError(
            f"The shard of specification {row} cannot be used: {error} {mend}"
        ) from error
    wanted = (config.trajectories, config.steps)
    if set(tensors) != set(TENSORS) or {t.shape[:2] for t in tensors.values()} != {wanted}:
        sizes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        raise ShardError(
            f"The shard of specification {row} ({place}) holds {sizes}, not {list(TENSORS)} of "
            f"{wanted[0]} episodes of {wanted[1]} steps. {mend}"
        )
    return tensors


def read_description(folder: Path) -> tuple[DemonstrationConfig, dict[str, Any]]:
    """What a folder was asked to hold, and the settings of its expert.

    Raises:
        CheckpointError: If there is no description, or it cannot be read.
    """
    file = folder / DESCRIPTION_FILE
    try:
        found = json.loads(file.read_text())
        return from_config(DemonstrationConfig, found["config"]), dict(found["expert"])
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{folder} has no {DESCRIPTION_FILE}; give a folder that "
            "`hyperdyn collect demonstrations` wrote."
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{file} does not describe demonstrations ({type(error).__name__}: {error}). "
            "Copy the folder again."
        ) from error
