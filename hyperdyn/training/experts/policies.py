"""The actors kept of one task, as one array in a folder of its own."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import CheckpointError
from hyperdyn.networks import MLPSpec, batched_mlp
from hyperdyn.storage import from_config, is_written, read_folder, to_config, write_folder
from hyperdyn.training.experts.learner import squashed

KIND = "expert-policies"
FOLDER = "policies"


@dataclass(frozen=True, kw_only=True)
class PoliciesMeta:
    """Whose actors they are."""

    family: str
    """Such as "cheetah-vel"."""
    task: int
    """Index of the published task."""
    value: float
    """Its velocity (m/s) or direction (rad)."""
    split: str
    """"train" or "test"."""
    sizes: tuple[int, ...]
    """Widths of each actor, from observation to means and log standard deviations."""
    activation: str
    """Behind every layer but the last."""
    steps: tuple[int, ...]
    """Environment steps after which each was kept."""
    returns: tuple[float, ...]
    """Of episodes of the last one, acting without noise."""


@dataclass(frozen=True, kw_only=True)
class ExpertPolicies:
    """K actors of one task, the latest last, flat as `hyperdyn.networks` lays weights out."""

    meta: PoliciesMeta
    """Whose they are."""
    actors: Float[Tensor, "K P"]
    """Weights."""

    @property
    def spec(self) -> MLPSpec:
        """Sizes and activation of each actor."""
        return MLPSpec(sizes=self.meta.sizes, activation=self.meta.activation)

    def act(
        self, observations: Float[Tensor, "K N O"], noise: Float[Tensor, "K N A"] | None = None
    ) -> Float[Tensor, "K N A"]:
        """Actions in (-1, 1) of each actor: the mean's, or drawn with N(0, 1) noise."""
        return squashed(batched_mlp(self.spec, self.actors, observations), noise)

    def write(self, out: Path) -> None:
        """Write to the task's folder in a run.

        Raises:
            CheckpointError: If it cannot be written.
        """
        folder = task_folder(out, self.meta.task)
        write_folder(folder, KIND, to_config(self.meta), {"actors": self.actors})

    @classmethod
    def read(cls, out: Path, task: int) -> "ExpertPolicies":
        """Read the actors of a task out of a run's folder.

        Raises:
            CheckpointError: If they are not there, or damaged.
        """
        config, tensors = read_folder(task_folder(out, task), KIND)
        found = cls(meta=from_config(PoliciesMeta, config), actors=tensors["actors"])
        wanted = (len(found.meta.steps), found.spec.num_parameters)
        if tuple(found.actors.shape) != wanted:
            raise CheckpointError(
                f"{out} has actors of shape {tuple(found.actors.shape)} for task {task}, whose "
                f"description asks for {wanted}; copy the folder again."
            )
        return found


def task_folder(out: Path, task: int) -> Path:
    """Where the actors of a task stand in a run's folder."""
    return out / FOLDER / f"task-{task:02d}"


def collected(out: Path) -> tuple[int, ...]:
    """Indices of the tasks whose actors are complete, ascending."""
    found = sorted((out / FOLDER).glob("task-*"))
    return tuple(int(folder.name.removeprefix("task-")) for folder in found if is_written(folder))


def stacked(kept: list[Float[Tensor, "T P"]]) -> Float[Tensor, "T K P"]:
    """Actors kept one after the other, by task."""
    return torch.stack(kept, 1)
