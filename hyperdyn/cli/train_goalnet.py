"""`hyperdyn train goalnet`: train a policy for goals on demonstrations."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job

_SETTINGS = ("steps", "contexts", "learning_rate")


@dataclass(frozen=True, kw_only=True)
class TrainGoalnet(Command):
    """Train a policy for goals on pairs of hindsight; Ctrl-C at any time, the same command goes on.

    The run folder gets metrics.jsonl, a checkpoint, and `model`.
    """

    positionals: ClassVar[tuple[str, ...]] = ("preset",)

    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")]
    """goalnet; without a loss: goalnet-no-prediction, goalnet-no-distance, goalnet-cloning; with
    gradients stopped: goalnet-stopped; goalnet-margin; for weights that are written once a rollout:
    goalnet-once, goalnet-goal-only; the control: gcbc, gcbc-shaped."""
    demonstrations: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """What `hyperdyn collect goals` wrote."""
    out: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """Run folder: new, or one to go on with."""
    scene: Annotated[str, tyro.conf.arg(metavar="SCENE")] = "state"
    """What is seen, and given as a goal: state (the object's pose) or image."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Optimiser steps, 4,000 unless given."""
    contexts: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Pairs a batch; the preset's unless given."""
    learning_rate: Annotated[float | None, tyro.conf.arg(metavar="X")] = None
    """At first, 0.0005 unless given; it falls on a line to zero."""
    seed: Annotated[int, tyro.conf.arg(metavar="S")] = 0
    """Seed of every random number."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        from hyperdyn.training.goals.configs import goal_run
        from hyperdyn.training.goals.episodes import read_episodes
        from hyperdyn.training.goals.training import train_goals

        episodes = read_episodes(self.demonstrations, self.scene)
        config = goal_run(self.preset, episodes, seed=self.seed, **self._settings())

        def job() -> None:
            from tqdm import tqdm

            with tqdm(total=config.steps, desc=self.out.name, unit="step") as bar:
                train_goals(
                    config, self.out, episodes, resume=self.out.exists(), on_step=bar.update
                )
            print(f"Wrote {self.out}. Try it with: hyperdyn evaluate goalnet {self.out}")

        return job

    def _settings(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in _SETTINGS}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "train", "goalnet", self.preset]
        words += ["--demonstrations", str(self.demonstrations), "--out", str(self.out)]
        words += ["--scene", self.scene, "--seed", str(self.seed)]
        for name, value in self._settings().items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        return f"Stopped; at most half a minute is lost. Go on with: {shlex.join(words)}"
