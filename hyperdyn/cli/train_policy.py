"""`hyperdyn train policy`: train a policy generator on demonstrations."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job
from hyperdyn.errors import InputError

_SIZES = ("hidden", "blocks", "raw_conditions")


@dataclass(frozen=True, kw_only=True)
class TrainPolicy(Command):
    """Train a policy generator by cloning experts; Ctrl-C at any time, the same command goes on.

    It learns from the training specifications of a split and looks at no other. The run folder gets
    metrics.jsonl, a checkpoint, and `model`.
    """

    positionals: ClassVar[tuple[str, ...]] = ("method",)

    method: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="METHOD")]
    """conditioned, uvfa, meta, pearl, hyperzero, hypogen-raw or hypogen-latent."""
    demonstrations: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """What `hyperdyn collect demonstrations` wrote."""
    out: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """Run folder: new, or one to go on with."""
    split: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Which of the task's splits into training and test specifications."""
    seed: Annotated[int, tyro.conf.arg(metavar="S")] = 0
    """Seed of every random number."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Optimiser steps, 12,000 unless given."""
    tasks: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Specifications a batch, 8 at most unless given."""
    targets: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Transitions of each, 256 unless given."""
    learning_rate: Annotated[float | None, tyro.conf.arg(metavar="X")] = None
    """At first; the method's own unless given. It falls on a line to zero."""
    hidden: Annotated[tuple[int, ...] | None, tyro.conf.arg(metavar="N")] = None
    """Hidden widths of the generated policies; 256 unless given."""
    blocks: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Updates of hypogen; 8 unless given."""
    raw_conditions: tyro.conf.FlagCreatePairsOff[bool] = False
    """Read specifications as they are, not standardised: an ablation."""
    hold_out: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Training specifications to validate with instead, when settings are chosen."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        from hyperdyn.training.demonstrations.dataset import Demonstrations
        from hyperdyn.training.policies.configs import policy_run
        from hyperdyn.training.policies.training import train_policy

        if self.seed < 0:
            raise InputError(f"--seed must not be negative; got {self.seed}.")
        source = Demonstrations.read(self.demonstrations)
        source.split(self.split)
        given = {name: getattr(self, name) for name in _SIZES}
        config = policy_run(
            self.method.replace("-", "_"),
            source,
            sizes={
                name: value
                for name, value in given.items()
                if value is not None and value is not False
            },
            split=self.split,
            seed=self.seed,
            held_out=self.hold_out,
            **self._settings(),
        )

        def job() -> None:
            from tqdm import tqdm

            with tqdm(total=config.steps, desc=self.out.name, unit="step") as bar:
                train_policy(config, self.out, source, resume=True, on_step=bar.update)
            print(f"Wrote {self.out}. Score it with: hyperdyn tables policies --help")

        return job

    def _settings(self) -> dict[str, Any]:
        given = {n: getattr(self, n) for n in ("steps", "tasks", "targets", "learning_rate")}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "train", "policy", self.method]
        words += ["--demonstrations", str(self.demonstrations), "--out", str(self.out)]
        words += ["--split", str(self.split), "--seed", str(self.seed)]
        for name, value in self._settings().items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        if self.hidden is not None:
            words += ["--hidden", *map(str, self.hidden)]
        if self.blocks is not None:
            words += ["--blocks", str(self.blocks)]
        words += ["--raw-conditions"] if self.raw_conditions else []
        words += ["--hold-out", str(self.hold_out)] if self.hold_out else []
        return f"Stopped; at most half a minute is lost. Go on with: {shlex.join(words)}"
