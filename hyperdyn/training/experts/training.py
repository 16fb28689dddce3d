"""Training experts in a folder: rounds that can be stopped at any moment and gone on with."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from hyperdyn.envs.meta import FAMILIES
from hyperdyn.errors import HyperdynError
from hyperdyn.storage import is_written, read_folder, write_folder
from hyperdyn.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from hyperdyn.training.experts.configs import ExpertsConfig
from hyperdyn.training.experts.learner import BatchedSAC
from hyperdyn.training.experts.policies import (
    ExpertPolicies,
    PoliciesMeta,
    policy_folder,
    stacked,
)
from hyperdyn.training.experts.replay import Replay
from hyperdyn.training.experts.rounds import Played, Round, evaluate
from hyperdyn.training.experts.worlds import MetaWorlds, Worlds
from hyperdyn.training.metrics import Metrics
from hyperdyn.training.run_folder import RUN_FILE, open_run
from hyperdyn.training.seeds import torch_generator

CHECKPOINT_SECONDS = 60.0
KEPT = "kept-actors"


def collect_policies(
    config: ExpertsConfig,
    out: Path,
    *,
    device: torch.device | str = "cpu",
    on_steps: Callable[[int], object] = lambda steps: None,
) -> None:
    """Train the experts of a run, or go on where it was stopped, and write the actors kept.

    A folder `policies/task-NN` a task gets its actors as one array, with a checksum. While the run
    lasts its folder also holds a checkpoint, and what was experienced and kept in every round; at
    most a round and a minute are done again after a stop, to the same numbers on the same machine,
    device and number of threads.

    Args:
        config: The run.
        out: Its folder: new, empty, or one begun with the same configuration.
        device: Where to learn; the environments are simulated on the CPU.
        on_steps: Told how many steps were made of all tasks together; at once of those found.

    Raises:
        CheckpointError: If `out` holds something else, or cannot be written.
        HyperdynError: If a task's weights are no longer finite.
    """
    open_run(config, out, resume=(out / RUN_FILE).exists())
    if all(is_written(policy_folder(out, task)) for task in config.tasks):
        on_steps(config.steps * len(config.tasks))
        return
    worlds = MetaWorlds(config.family, config.tasks)
    try:
        _Run(config, out, worlds, device).finish(on_steps)
    finally:
        worlds.close()


def make_learner(
    config: ExpertsConfig, worlds: Worlds, device: torch.device | str = "cpu"
) -> tuple[BatchedSAC, torch.optim.Adam]:
    """A learner that has learnt nothing yet, and its optimiser."""
    learner = BatchedSAC(
        config.sac,
        observation_dim=worlds.observation_dim,
        action_dim=worlds.action_dim,
        generators=[torch_generator(config.seed, "model", task) for task in config.tasks],
    ).to(device)
    return learner, learner.optimiser()


def make_replay(
    config: ExpertsConfig, worlds: Worlds, device: torch.device | str = "cpu"
) -> Replay:
    """An empty memory, no larger than the run needs."""
    return Replay(
        len(config.tasks),
        min(config.buffer, config.steps),
        observation_dim=worlds.observation_dim,
        action_dim=worlds.action_dim,
        device=device,
    )


def make_round(config: ExpertsConfig, number: int) -> Round:
    """A round of a run, by its number."""
    return Round(
        seed=config.seed,
        number=number,
        tasks=config.tasks,
        steps=config.round_steps,
        learning_starts=config.learning_starts,
        keeps=lambda made: made in _kept_steps(config),
    )


def _kept_steps(config: ExpertsConfig) -> range:
    return range(config.kept_from, config.steps + 1, config.kept_every)


class _Run:
    """A run in its folder, as far as it has come.

    Args:
        config: The run.
        out: Its folder, opened.
        worlds: Of its tasks.
        device: Where to learn.
    """

    def __init__(
        self, config: ExpertsConfig, out: Path, worlds: Worlds, device: torch.device | str
    ) -> None:
        self._config, self._out, self._worlds = config, out, worlds
        self._learner, self._optimiser = make_learner(config, worlds, device)
        self._replay = make_replay(config, worlds, device)
        self._saved_at = time.monotonic()
        self._done = 0
        if is_written(out / "checkpoint"):
            progress = load_checkpoint(out / "checkpoint", self._learner, self._optimiser)
            self._done = progress.iteration
            for number in range(self._oldest(self._done), self._done):
                self._replay.read(self._folder("experience", number))

    def finish(self, on_steps: Callable[[int], object]) -> None:
        """Make the rounds that are missing, and write the policies."""
        config = self._config
        tasks = len(config.tasks)
        on_steps(self._done * config.round_steps * tasks)
        metrics = Metrics(self._out, self._done)
        try:
            for number in range(self._done, config.rounds):
                played = make_round(config, number).play(
                    self._worlds,
                    self._learner,
                    self._optimiser,
                    self._replay,
                    on_step=lambda: on_steps(tasks),
                )
                self._require_finite()
                self._note(metrics, number, played)
                self._save(number, played)
        finally:
            metrics.close()
        self._write()
        for name in ("checkpoint", "experience", "kept"):
            shutil.rmtree(self._out / name, ignore_errors=True)

    def _note(self, metrics: Metrics, number: int, played: Played) -> None:
        config = self._config
        made = (number + 1) * config.round_steps
        means = [float(np.mean(own)) if own else None for own in played.returns]
        temperatures = self._learner.log_temperatures.detach().exp().tolist()
        values = {"steps": made, "returns": means, "temperatures": temperatures}
        if (number + 1) % config.evaluate_every == 0:
            values["evaluated"] = self._evaluate().mean(1).tolist()
        metrics.write(number, values)

    def _evaluate(self) -> np.ndarray:
        config = self._config
        return evaluate(
            self._worlds,
            self._learner,
            config.tasks,
            episodes=config.evaluated,
            seed=config.seed,
        )

    def _save(self, number: int, played: Played) -> None:
        """Write what a round brought, and a checkpoint if it is time."""
        steps = self._config.round_steps
        self._replay.write_latest(self._folder("experience", number), steps)
        if played.kept:
            actors = stacked(played.kept)
            write_folder(self._folder("kept", number), KEPT, {}, {"actors": actors})
        last = number + 1 == self._config.rounds
        if last or time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
            progress = Progress(iteration=number + 1)
            folder = self._out / "checkpoint"
            save_checkpoint(folder, self._learner, self._optimiser, progress)
            self._saved_at = time.monotonic()
            for old in range(self._oldest(self._done), self._oldest(number + 1)):
                shutil.rmtree(self._folder("experience", old), ignore_errors=True)
            self._done = number + 1

    def _oldest(self, done: int) -> int:
        """The first round that is still remembered after so many."""
        return max(0, done - self._replay.capacity // self._config.round_steps)

    def _write(self) -> None:
        """Write the actors of every task, put together from all rounds."""
        config, family = self._config, FAMILIES[self._config.family]
        first = (config.kept_from - 1) // config.round_steps
        shards = []
        for number in range(first, config.rounds):
            folder = self._folder("kept", number)
            if is_written(folder):
                shards.append(read_folder(folder, KEPT)[1]["actors"])
        returns, spec = self._evaluate(), self._learner.actor_spec
        for row, task in enumerate(config.tasks):
            meta = PoliciesMeta(
                family=family.name,
                task=task,
                value=family.values[task],
                split="test" if task in family.test else "train",
                sizes=spec.sizes,
                activation=spec.activation,
                steps=tuple(_kept_steps(config)),
                returns=tuple(returns[row].tolist()),
            )
            actors = torch.cat([shard[row] for shard in shards])
            ExpertPolicies(meta=meta, actors=actors).write(self._out)

    def _require_finite(self) -> None:
        finite = torch.isfinite(self._learner.actors).all(1).tolist()
        lost = [task for task, sound in zip(self._config.tasks, finite, strict=True) if not sound]
        if lost:
            raise HyperdynError(
                f"The weights of task {', '.join(map(str, lost))} are no longer finite; begin a "
                "new run with a lower learning rate, or without it."
            )

    def _folder(self, what: str, number: int) -> Path:
        return self._out / what / f"round-{number:05d}"
