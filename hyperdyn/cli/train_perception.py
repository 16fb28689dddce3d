"""`hyperdyn train perception`: train the visual encoder on collected pictures."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive


@dataclass(frozen=True, kw_only=True)
class TrainPerception(Command):
    """Train the visual encoder to find objects and to see their shapes; Ctrl-C at any time.

    The run folder gets metrics.jsonl, tensorboard files, a checkpoint, and `visual-encoder`, the
    result. Collect the pictures first: `hyperdyn collect push --images` and
    `hyperdyn collect push --shapes`.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    pushes: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Collection of pushes with images."""
    shapes: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Collection of scenes, from --shapes."""
    out: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """Run folder: new or empty, unless a run in it is resumed."""
    frames: Annotated[int, tyro.conf.arg(metavar="N")] = 60_000
    """Pictures trained on, repetitions included; repeat it to resume."""
    seed: int = 0
    """Seed of every random number; repeat it to resume."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with the run in RUN. It ends with the weights it would have had uninterrupted."""

    def prepare(self) -> Job:
        """Check the numbers."""
        from hyperdyn.training.pushing.visual import RESULT, train_visual
        from hyperdyn.training.pushing.visual_configs import VisualTrainConfig

        require_positive("--frames", self.frames)
        config = VisualTrainConfig(frames=self.frames, seed=self.seed)

        def job() -> None:
            train_visual(config, self.pushes, self.shapes, self.out, resume=self.resume)
            print(f"Wrote {self.out / RESULT}.")

        return job

    @property
    def when_interrupted(self) -> str:
        """How to resume."""
        words = ["hyperdyn", "train", "perception", "--pushes", str(self.pushes)]
        words += ["--shapes", str(self.shapes), "--out", str(self.out)]
        words += ["--frames", str(self.frames), "--seed", str(self.seed)]
        again = shlex.join([*words, "--resume"])
        return f"Stopped; at most the last minute is lost. Go on with: {again}"
