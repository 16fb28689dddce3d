"""`hyperdyn collect goals`: the planner pushes objects home, for policies to learn from."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive


@dataclass(frozen=True, kw_only=True)
class CollectGoals(Command):
    """Demonstrate pushing to goals with the planner; Ctrl-C at any time, the same command goes on.

    Objects of the training split on a free table. Every moment's state and picture is kept. Trials
    that do not end at the goal are written too, and nothing is learned from them.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Folder of the demonstrations: new, or one to go on with."""
    trials: Annotated[int, tyro.conf.arg(metavar="N")] = 250
    """How many."""
    model: Annotated[str, tyro.conf.arg(metavar="MODEL")] = "push"
    """The pushing model that is planned with: packaged, or a folder."""
    planner: Annotated[str, tyro.conf.arg(metavar="NAME")] = "icem"
    """How pushes are planned: paper, shooting, cem, icem or mppi."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes."""
    seed: int = 0
    """Seed of every random number."""

    def prepare(self) -> Job:
        """Check names and numbers, and that there is such a model."""
        from hyperdyn.pushing import load_pusher
        from hyperdyn.training.goals.demonstrations import GoalCollection, collect_goals

        require_positive("--workers", self.workers)
        config = GoalCollection(
            trials=self.trials, seed=self.seed, model=self.model, preset=self.planner
        )
        load_pusher(self.model)

        def job() -> None:
            from tqdm import tqdm

            with tqdm(total=config.trials, desc=self.out.name, unit="trial") as bar:
                collect_goals(config, self.out, workers=self.workers, on_trials=bar.update)
            print(f"Wrote {self.out}. Learn from it with: hyperdyn train goalnet --help")

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "collect", "goals", "--out", str(self.out)]
        words += ["--trials", str(self.trials), "--model", self.model, "--planner", self.planner]
        words += ["--workers", str(self.workers), "--seed", str(self.seed)]
        return f"Stopped; trials that are written are kept. Go on with: {shlex.join(words)}"
