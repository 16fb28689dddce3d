"""`hyperdyn train`: run a preset, or go on with a run."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from hyperdyn.cli.command import Command, Job


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train a generator, as a preset says; Ctrl-C at any time, `--resume` goes on.

    What object pushing needs has commands of its own, with a --help each: `hyperdyn train
    perception` and `hyperdyn train push`.

    The run folder gets the data, metrics.jsonl, tensorboard files, a checkpoint, and `model`, which
    every other command takes as MODEL (so does the run folder itself).
    """

    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")]
    """Name of a training run; `hyperdyn info` lists them."""
    out: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """Run folder: new or empty, unless a run in it is resumed."""
    seed: int = 0
    """Seed of every random number; repeat it to resume."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with the run in RUN. It ends with the weights it would have had uninterrupted."""

    def prepare(self) -> Job:
        """Look the preset up."""
        from hyperdyn.training.on_policy import train
        from hyperdyn.training.presets import preset

        config = replace(preset(self.preset), seed=self.seed)

        def job() -> None:
            train(config, self.out, resume=self.resume)
            where = shlex.quote(str(self.out))
            print(f"Wrote {self.out}. Evaluate it with:")
            print(f"  hyperdyn evaluate {where} --env {config.env_id} --split novel")

        return job

    @property
    def when_interrupted(self) -> str:
        """How to resume."""
        words = ["hyperdyn", "train", self.preset, "--out", str(self.out)]
        if self.seed:
            words += ["--seed", str(self.seed)]
        again = shlex.join([*words, "--resume"])
        return f"Stopped; at most the last minute is lost. Go on with: {again}"
