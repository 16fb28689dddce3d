"""`hyperdyn train dynamics`: a dynamics generator that has seen demonstrations first."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job
from hyperdyn.errors import InputError


@dataclass(frozen=True, kw_only=True)
class TrainDynamics(Command):
    """Train a dynamics generator of a suite's task; Ctrl-C at any time, the same command goes on.

    As `hyperdyn train`, but its first round has demonstrations beside random episodes: such states
    as good behaviour visits. Of the demonstrations, the training specifications of split 0 alone.
    """

    positionals: ClassVar[tuple[str, ...]] = ("preset",)

    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")]
    """TASK-hyperdynamics-reduced, TASK-direct-reduced or TASK-film-reduced, such as
    finger-speed-hyperdynamics-reduced."""
    demonstrations: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """What `hyperdyn collect demonstrations` wrote for the task."""
    out: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """Run folder: new, or one to go on with."""
    seed: Annotated[int, tyro.conf.arg(metavar="S")] = 0
    """Seed of every random number."""
    device: str = "cpu"
    """Where models are fitted and planned with: cpu or cuda."""

    def prepare(self) -> Job:
        """Look the preset up and open the folder."""
        from hyperdyn.training.demonstrations.replay import begin_with_demonstrations
        from hyperdyn.training.distributed import require_device
        from hyperdyn.training.jobs import Where
        from hyperdyn.training.on_policy import train
        from hyperdyn.training.presets import preset
        from hyperdyn.training.tasks import SUITE_TASKS

        if self.seed < 0:
            raise InputError(f"--seed must not be negative; got {self.seed}.")
        require_device(self.device)
        config = replace(preset(self.preset), seed=self.seed)
        if config.env_id not in SUITE_TASKS:
            raise InputError(
                f"{self.preset} is no run of the control suite, which alone has demonstrations; "
                f"use hyperdyn train {self.preset}."
            )

        def job() -> None:
            begin_with_demonstrations(config, self.out, self.demonstrations)
            train(config, self.out, resume=True, where=Where(device=self.device))
            print(f"Wrote {self.out}. Plan with it: hyperdyn tables policies --dynamics {self.out}")

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "train", "dynamics", self.preset]
        words += ["--demonstrations", str(self.demonstrations), "--out", str(self.out)]
        words += ["--seed", str(self.seed), "--device", self.device]
        return f"Stopped; at most the last minute is lost. Go on with: {shlex.join(words)}"
