"""Learning in lockstep in a folder: rounds that can be stopped at any moment and gone on with."""

import abc
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import HyperdynError
from hyperdyn.storage import is_written, read_folder, write_folder
from hyperdyn.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from hyperdyn.training.experts.configs import ActorTuning, LockstepConfig
from hyperdyn.training.experts.learner import BatchedSAC
from hyperdyn.training.experts.policies import stacked
from hyperdyn.training.experts.replay import Replay
from hyperdyn.training.experts.rounds import Played, Round, evaluate
from hyperdyn.training.experts.worlds import Worlds
from hyperdyn.training.metrics import Metrics
from hyperdyn.training.seeds import torch_generator

Config = TypeVar("Config", bound=LockstepConfig)

CHECKPOINT_SECONDS = 60.0
KEPT = "kept-actors"


def make_learner(
    config: LockstepConfig,
    worlds: Worlds,
    device: torch.device | str = "cpu",
    tuning: ActorTuning | None = None,
) -> tuple[BatchedSAC, torch.optim.Adam]:
    """A learner that has learnt nothing yet, and its optimiser.

    Tasks of one seed begin with the same weights: their actors then stay near one another, and what
    is learnt from them (`hyperdyn.genhyper`) need not undo permutations of hidden units.
    """
    learner = BatchedSAC(
        config.sac,
        observation_dim=worlds.observation_dim,
        action_dim=worlds.action_dim,
        generators=[torch_generator(seed, "model") for _, seed in config.rows],
        tuning=tuning,
    ).to(device)
    return learner, learner.optimiser()


def make_replay(
    config: LockstepConfig, worlds: Worlds, device: torch.device | str = "cpu"
) -> Replay:
    """An empty memory, no larger than the run needs."""
    return Replay(
        len(config.rows),
        min(config.buffer, config.steps),
        observation_dim=worlds.observation_dim,
        action_dim=worlds.action_dim,
        device=device,
    )


class LockstepRun(abc.ABC, Generic[Config]):
    """A run in its folder, as far as it has come.

    Beside what a subclass writes, the folder holds a log and, while the run lasts, a checkpoint and
    what was experienced and kept in every round; at most a round and a minute are done again after
    a stop, to the same numbers on the same machine, device and number of threads.

    Args:
        config: The run.
        out: Its folder, opened.
        worlds: Of its rows.
        learner: As it begins, and its optimiser.
        device: Where to learn.
    """

    evaluates_start: ClassVar[bool] = False
    """Whether the actors are evaluated before the first round, too."""

    def __init__(
        self,
        config: Config,
        out: Path,
        worlds: Worlds,
        learner: tuple[BatchedSAC, torch.optim.Adam],
        device: torch.device | str,
    ) -> None:
        self._config, self._out, self._worlds = config, out, worlds
        self._learner, self._optimiser = learner
        self._replay = make_replay(config, worlds, device)
        self._saved_at = time.monotonic()
        self._done = 0
        if is_written(out / "checkpoint"):
            progress = load_checkpoint(out / "checkpoint", self._learner, self._optimiser)
            self._done = progress.iteration
            for number in range(self._oldest(self._done), self._done):
                self._replay.read(self._folder("experience", number))

    @abc.abstractmethod
    def _round(self, number: int) -> Round:
        """A round by its number."""

    @abc.abstractmethod
    def _write(self) -> None:
        """Write what came of it all."""

    def finish(self, on_steps: Callable[[int], object]) -> None:
        """Make the rounds that are missing, and write what came of them."""
        config = self._config
        rows = len(config.rows)
        on_steps(self._done * config.round_steps * rows)
        metrics = Metrics(self._out, self._done)
        try:
            if self._done == 0 and self.evaluates_start:
                metrics.write(-1, {"steps": 0, "evaluated": self._evaluate().mean(1).tolist()})
            for number in range(self._done, config.rounds):
                played = self._round(number).play(
                    self._worlds,
                    self._learner,
                    self._optimiser,
                    self._replay,
                    on_step=lambda: on_steps(rows),
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
        means = [float(np.mean(own)) if own else None for own in played.returns]
        temperatures = self._learner.log_temperatures.detach().exp().tolist()
        made = (number + 1) * self._config.round_steps
        values: dict[str, Any] = {"steps": made, "returns": means, "temperatures": temperatures}
        if (number + 1) % self._config.evaluate_every == 0:
            values["evaluated"] = self._evaluate().mean(1).tolist()
        metrics.write(number, values)

    def _evaluate(self) -> Float[np.ndarray, "T N"]:
        config = self._config
        return evaluate(
            self._worlds,
            self._learner,
            [task for task, _ in config.rows],
            episodes=config.evaluated,
            seed=config.seed,
            device=self._learner.actors.device,
        )

    def _save(self, number: int, played: Played) -> None:
        """Write what a round brought, and a checkpoint if it is time."""
        steps, rounds = self._config.round_steps, self._config.rounds
        self._replay.write_latest(self._folder("experience", number), steps)
        if played.kept:
            actors = stacked(played.kept)
            write_folder(self._folder("kept", number), KEPT, {}, {"actors": actors})
        last = number + 1 == rounds
        if last or time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
            progress = Progress(iteration=number + 1)
            folder = self._out / "checkpoint"
            save_checkpoint(folder, self._learner, self._optimiser, progress)
            self._saved_at = time.monotonic()
            for old in range(self._oldest(self._done), self._oldest(number + 1)):
                shutil.rmtree(self._folder("experience", old), ignore_errors=True)
            self._done = number + 1

    def _kept(self) -> Float[Tensor, "T K P"]:
        """The actors kept in all rounds."""
        folders = [self._folder("kept", number) for number in range(self._config.rounds)]
        shards = [
            read_folder(folder, KEPT)[1]["actors"] for folder in folders if is_written(folder)
        ]
        return torch.cat(shards, 1)

    def _oldest(self, done: int) -> int:
        """The first round that is still remembered after so many."""
        return max(0, done - self._replay.capacity // self._config.round_steps)

    def _require_finite(self) -> None:
        finite = torch.isfinite(self._learner.actors).all(1).tolist()
        rows = zip(self._config.rows, finite, strict=True)
        lost = sorted({task for (task, _), sound in rows if not sound})
        if lost:
            raise HyperdynError(
                f"The weights of task {', '.join(map(str, lost))} are no longer finite; begin a "
                "new run with a lower learning rate, or without it."
            )

    def _folder(self, what: str, number: int) -> Path:
        return self._out / what / f"round-{number:05d}"
