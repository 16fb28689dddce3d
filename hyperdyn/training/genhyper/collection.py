"""The experts that samplers learn from: actors kept of a family's training tasks."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.meta import FAMILIES, Family
from hyperdyn.errors import InputError
from hyperdyn.networks import MLPSpec
from hyperdyn.storage import read_header
from hyperdyn.training.experts.policies import ExpertPolicies, collected, task_folder


@dataclass(frozen=True, kw_only=True)
class PolicyCollection:
    """K actors of each of T training tasks, and what describes the tasks."""

    family: str
    """Such as "cheetah-vel"."""
    tasks: tuple[int, ...]
    """Indices of the tasks, ascending by value."""
    conditions: Float[Tensor, "T N C"]
    """N descriptions of each task: its velocity (m/s) or direction (rad), or embeddings."""
    period: float | None
    """Of conditions that are angles, rad; None for any others."""
    network: MLPSpec
    """An actor, from O to 2 A."""
    actors: Float[Tensor, "T K P"]
    """Weights, the latest last."""
    digest: str
    """Of all that stands in the folder of training tasks."""

    @classmethod
    def read(cls, folder: Path) -> "PolicyCollection":
        """Read the training tasks of what `hyperdyn collect policies` wrote; no test task is.

        Raises:
            CheckpointError: If a task's actors are damaged.
            InputError: If there are no training tasks, or they are of several families or sizes.
        """
        family, sums = collected_by(folder)
        tasks = [task for task in sums if task not in family.test]
        found = [ExpertPolicies.read(folder, task) for task in tasks]
        found.sort(key=lambda one: one.meta.value)
        shapes = {(one.spec, one.actors.shape) for one in found}
        if len(shapes) != 1:
            raise InputError(
                f"{folder} holds actors of {len(shapes)} sizes or counts for training tasks; one "
                "is wanted. Collect them in one run."
            )
        actors = torch.stack([one.actors for one in found])
        if not bool(torch.isfinite(actors).all()):
            raise InputError(f"{folder} holds actors that are not finite; collect them anew.")
        return cls(
            family=family.name,
            tasks=tuple(one.meta.task for one in found),
            conditions=torch.tensor([[[one.meta.value]] for one in found]),
            period=2 * math.pi if family.variable == "direction" else None,
            network=found[0].spec,
            actors=actors,
            digest=training_digest(family, sums),
        )

    def spread(self, count: int) -> tuple[int, ...]:
        """Indices of some of the tasks, evenly spaced among them by value.

        Raises:
            InputError: If there are not so many.
        """
        if not 1 <= count <= len(self.tasks):
            raise InputError(
                f"There are actors of {len(self.tasks)} training tasks; got {count} to train on."
            )
        places = (np.arange(count) + 0.5) * len(self.tasks) / count
        return tuple(self.tasks[int(place)] for place in places)

    def take(self, tasks: tuple[int, ...]) -> "PolicyCollection":
        """Only some tasks.

        Raises:
            InputError: If one of them is not here.
        """
        missing = sorted(set(tasks) - set(self.tasks))
        if missing:
            raise InputError(f"There are no actors of training task {missing}.")
        rows = [row for row, task in enumerate(self.tasks) if task in tasks]
        return replace(
            self,
            tasks=tuple(self.tasks[row] for row in rows),
            conditions=self.conditions[rows],
            actors=self.actors[rows],
        )

    def draw(
        self, count: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "B C"], Float[Tensor, "B P"]]:
        """Descriptions of random tasks, and a random actor of each.

        Args:
            count: B.
            generator: Draws them.
        """
        sizes = (len(self.tasks), self.conditions.shape[1], self.actors.shape[1])
        task, description, actor = (
            torch.randint(size, (count,), generator=generator) for size in sizes
        )
        return self.conditions[task, description], self.actors[task, actor]


def collected_by(folder: Path) -> tuple[Family, dict[int, str]]:
    """Tell whose experts a folder holds: the family, and the checksum of each task's actors.

    Raises:
        CheckpointError: If a description is damaged.
        InputError: If there are none, or they are of several families.
    """
    headers = {task: read_header(task_folder(folder, task)) for task in collected(folder)}
    families = {header["config"].get("family") for header in headers.values()}
    if len(families) != 1 or not families <= set(FAMILIES):
        raise InputError(
            f"{folder} holds actors of {sorted(map(str, families)) or 'no family'}; give a "
            "folder that `hyperdyn collect policies` wrote and finished."
        )
    sums = {task: str(header["sha256"]) for task, header in headers.items()}
    return FAMILIES[families.pop()], sums


def training_digest(family: Family, sums: Mapping[int, str]) -> str:
    """Digest of all that was collected of training tasks, from what `collected_by` tells."""
    own = "".join(f"{task}:{sums[task]};" for task in sorted(set(sums) - set(family.test)))
    return hashlib.sha256(own.encode()).hexdigest()
