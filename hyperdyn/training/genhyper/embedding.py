"""Training a behaviour embedding, and describing tasks by it."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.genhyper import Behaviour, BehaviourEmbedding, EmbeddingConfig
from hyperdyn.networks import MLPSpec
from hyperdyn.policies.generator import policy_folder
from hyperdyn.storage import is_written, read_header
from hyperdyn.training.genhyper.behaviours import record
from hyperdyn.training.genhyper.collection import PolicyCollection
from hyperdyn.training.run_folder import open_run
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.stepped_run import SteppedRun

EPISODES = 4
"""Of each task, to train an embedding on and to describe a task by."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingTrainConfig:
    """A run: every update has one stretch of behaviour of each task; the last weights are kept.

    Raises:
        InputError: If a number cannot be.
    """

    model: EmbeddingConfig
    """Sizes."""
    policies: str
    """Digest of the experts."""
    tasks: tuple[int, ...]
    """Indices of the training tasks."""
    seed: int = 0
    """Of every random number."""
    episodes: int = EPISODES
    """Of each task."""
    steps: int = 1000
    """Optimiser steps."""
    learning_rate: float = 1e-3
    """At first; it falls on a line to zero."""

    def __post_init__(self) -> None:
        """Check numbers."""
        if len(self.tasks) < 2:
            raise InputError(
                f"An embedding learns to tell tasks apart: give at least 2; got {len(self.tasks)}."
            )
        if min(self.episodes, self.steps) < 1 or self.seed < 0:
            raise InputError(f"Counts of a run must be positive; got {self}.")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate must be positive; got {self.learning_rate}.")


def embedding_run(
    source: PolicyCollection,
    *,
    tasks: int | None = None,
    sizes: dict[str, Any] | None = None,
    **settings: Any,
) -> EmbeddingTrainConfig:
    """The run of an embedding on collected experts.

    Args:
        source: Whose behaviour it learns from.
        tasks: How many of its training tasks, evenly spaced by value; all unless given.
        sizes: Fields of `EmbeddingConfig` that differ from the default.
        settings: Fields of the run that differ from the default.

    Raises:
        InputError: If a number cannot be.
    """
    model = EmbeddingConfig(
        observation_dim=source.network.sizes[0],
        action_dim=source.network.sizes[-1] // 2,
        **(sizes or {}),
    )
    chosen = source.tasks if tasks is None else source.spread(tasks)
    return EmbeddingTrainConfig(model=model, policies=source.digest, tasks=chosen, **settings)


def train_embedding(
    config: EmbeddingTrainConfig,
    out: Path,
    source: PolicyCollection,
    *,
    resume: bool = False,
    on_step: Callable[[int], object] = lambda count: None,
) -> BehaviourEmbedding:
    """Record experts of the run's tasks, train an embedding, and write it to `out / "model"`.

    Args:
        config: The run.
        out: Its folder.
        source: The experts; of them, only the run's tasks are looked at.
        resume: Go on with a run that was stopped, to the weights it would have had; one that is
            finished is read.
        on_step: Told how many optimiser steps were made.

    Raises:
        CheckpointError: If the folder holds another run, or one that was not to be resumed.
        InputError: If these are not the run's experts.
    """
    if source.digest != config.policies:
        raise InputError(
            "These are not the experts that the run was defined with; give the same folder."
        )
    if is_written(out / "model"):
        open_run(config, out, resume=resume)
        on_step(config.steps)
        return BehaviourEmbedding.from_pretrained(out)
    chosen = source.take(config.tasks)
    shown = record(
        chosen.family,
        chosen.tasks,
        chosen.network,
        chosen.actors,
        config.model,
        count=config.episodes,
        seed=config.seed,
    )
    model = BehaviourEmbedding(config.model, generator=torch_generator(config.seed, "model"))
    model.fit(shown)
    first = torch.arange(len(chosen.tasks)) * config.episodes

    def loss(step: int) -> Tensor:
        drawn = torch_generator(config.seed, "batches", step)
        own = torch.randint(config.episodes, (len(first),), generator=drawn)
        return model.loss(taken(shown, first + own))

    run = SteppedRun(config, out, model.train(), resume=resume)
    run.steps(0, config.steps, config.learning_rate, loss, on_step)
    model.eval().save(out / "model")
    run.finish()
    return model


def taken(behaviour: Behaviour, rows: Tensor) -> Behaviour:
    """Some stretches."""
    return Behaviour(**{name: value[rows] for name, value in vars(behaviour).items()})


def embedded_tasks(
    embedding: BehaviourEmbedding,
    family: str,
    tasks: Sequence[int],
    network: MLPSpec,
    actors: Float[Tensor, "T K P"],
    *,
    count: int = EPISODES,
    seed: int,
) -> Float[Tensor, "T N C"]:
    """Describe tasks by how their experts behave: N embeddings of each.

    Args:
        embedding: Trained.
        family: Such as "cheetah-vel".
        tasks: Indices of published tasks.
        network: An expert.
        actors: Experts of each task.
        count: N, episodes of each task.
        seed: Of how episodes begin.

    Raises:
        InputError: If the embedding is for other bodies.
    """
    shown = record(family, tasks, network, actors, embedding.config, count=count, seed=seed)
    return embedding.embed(shown).reshape(len(tasks), count, -1)


def described(source: PolicyCollection, run: Path, *, seed: int = 0) -> PolicyCollection:
    """Collected experts whose tasks are described by an embedding in place of a number.

    Args:
        source: The experts.
        run: Run folder of the embedding, or its model.
        seed: Of how the episodes begin that are embedded; one for all runs that are compared.

    Raises:
        CheckpointError: If the embedding cannot be read.
        InputError: If it is for other bodies.
    """
    embedding = BehaviourEmbedding.from_pretrained(run)
    found = embedded_tasks(
        embedding, source.family, source.tasks, source.network, source.actors, seed=seed
    )
    own = read_header(policy_folder(run))["sha256"]
    digest = hashlib.sha256(f"{source.digest}:{own}:{seed}".encode()).hexdigest()
    return replace(source, conditions=found, period=None, digest=digest)
