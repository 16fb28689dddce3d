"""`hyperdyn train push`: train pushing models on a collection, several side by side."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive
from hyperdyn.errors import InputError

if TYPE_CHECKING:
    from hyperdyn.training.pushing.push_jobs import PushJob


@dataclass(frozen=True, kw_only=True)
class TrainPush(Command):
    """Train models of object pushing; Ctrl-C at any time, the same command goes on.

    STUDY gets a copy of the visual encoder, the crops of all pictures (worked out once), and a
    folder NAME-SEED a model. What is finished there stays.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    models: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = ("hyperdynamics",)
    """Which: hyperdynamics, direct, film, xyz, maml, expert_ensemble (tables 1 and 2);
    joint-800, batch-8, shape-8, no-decoder, no-cropping, shape-16, shape-32, interaction-4,
    interaction-8 (table 4)."""
    seeds: Annotated[tuple[int, ...], tyro.conf.arg(metavar="S")] = (0,)
    """Training seeds."""
    pushes: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Collection of pushes with images."""
    shapes: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Collection of scenes, from --shapes."""
    study: Annotated[Path, tyro.conf.arg(metavar="STUDY")]
    """Folder of the models."""
    visual: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """A visual encoder that `hyperdyn train perception` wrote; needed once a study."""
    scenes: Annotated[int, tyro.conf.arg(metavar="N")] = 5000
    """Scenes of the shape collection to use, at most."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes; each trains one model at a time."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        from hyperdyn.training.pushing.push_configs import pusher_preset
        from hyperdyn.training.pushing.push_jobs import open_study, run_jobs

        require_positive("--workers", self.workers)
        require_positive("--scenes", self.scenes)
        if not self.models or not self.seeds or min(self.seeds) < 0:
            raise InputError("Give at least one model and one seed that is not negative.")
        for name in self.models:
            pusher_preset(name)
        jobs = self._jobs()
        open_study(self.study, self.visual)

        def job() -> None:
            run_jobs(jobs, self.study, self.pushes, self.shapes, self.scenes, workers=self.workers)
            print(f"Wrote {len(jobs)} models to {self.study}. Tables: hyperdyn tables push --help")

        return job

    def _jobs(self) -> "list[PushJob]":
        from hyperdyn.training.pushing.push_jobs import PushJob

        return [PushJob(name=name, seed=seed) for seed in self.seeds for name in self.models]

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "train", "push", "--models", *self.models, "--seeds"]
        words += [*map(str, self.seeds), "--pushes", str(self.pushes), "--shapes", str(self.shapes)]
        words += ["--study", str(self.study), "--scenes", str(self.scenes)]
        return f"Stopped; at most half a minute is lost. Go on with: {shlex.join(words)}"
