"""`hyperdyn train goalnet`: train policies for goals on demonstrations, several side by side."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive
from hyperdyn.errors import InputError

if TYPE_CHECKING:
    from hyperdyn.training.goals.configs import GoalTrainConfig
    from hyperdyn.training.goals.runs import GoalRun


@dataclass(frozen=True, kw_only=True)
class TrainGoalnet(Command):
    """Train policies for goals on pairs of hindsight; Ctrl-C at any time, the same goes on.

    A run is a preset on a kind of scene from a seed, in the folder STUDY/SCENE-PRESET-SEED, which
    gets metrics.jsonl, a checkpoint, and `model`. What is finished there stays. Seeds are the outer
    loop: the first of every preset is done before the second.
    """

    positionals: ClassVar[tuple[str, ...]] = ("presets",)

    presets: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")]
    """goalnet; without a loss: goalnet-no-prediction, goalnet-no-distance, goalnet-cloning; with
    gradients stopped: goalnet-stopped; goalnet-margin; for weights that are written once a rollout:
    goalnet-once, goalnet-goal-only; the control: gcbc, gcbc-shaped."""
    demonstrations: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """What `hyperdyn collect goals` wrote."""
    study: Annotated[Path, tyro.conf.arg(metavar="STUDY")]
    """Folder of the runs."""
    scenes: Annotated[tuple[str, ...], tyro.conf.arg(metavar="SCENE")] = ("state",)
    """What is seen, and given as a goal: state (the object's pose), image (64 pixels a side) or
    image-128."""
    seeds: Annotated[tuple[int, ...], tyro.conf.arg(metavar="S")] = (0,)
    """Training seeds."""
    budget: str = "reduced"
    """Reduced, up to six minutes of a core a run, or large, 4 (state) to 15 (image-128) hours."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Optimiser steps; the budget's (2,000 or 40,000) unless given."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes; each trains one run at a time."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        from hyperdyn.training.goals.runs import train_runs

        require_positive("--workers", self.workers)
        if not self.presets or not self.scenes or not self.seeds or min(self.seeds) < 0:
            raise InputError("Give at least one preset, one scene and one seed, none negative.")
        configs = self._configs()

        def job() -> None:
            from tqdm import tqdm

            steps = sum(config.steps for config in configs.values())
            with tqdm(total=steps, desc=f"{len(configs)} runs", unit="step") as bar:
                train_runs(
                    configs,
                    self.study,
                    self.demonstrations,
                    workers=self.workers,
                    on_steps=bar.update,
                )
            where = shlex.quote(str(self.study))
            print(f"Finished {len(configs)} runs in {self.study}. Make the tables with:")
            print(f"  hyperdyn tables goalnet --runs {where} --json goals.json")

        return job

    def _configs(self) -> "dict[GoalRun, GoalTrainConfig]":
        from hyperdyn.training.goals.configs import goal_run
        from hyperdyn.training.goals.episodes import read_episodes
        from hyperdyn.training.goals.runs import GoalRun

        given: dict[str, Any] = {} if self.steps is None else {"steps": self.steps}
        shown = {scene: read_episodes(self.demonstrations, scene) for scene in self.scenes}
        runs = [
            GoalRun(scene=scene, preset=preset, seed=seed)
            for seed in self.seeds
            for scene in self.scenes
            for preset in self.presets
        ]
        return {
            run: goal_run(run.preset, shown[run.scene], budget=self.budget, seed=run.seed, **given)
            for run in runs
        }

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "train", "goalnet", *self.presets]
        words += ["--demonstrations", str(self.demonstrations), "--study", str(self.study)]
        words += ["--scenes", *self.scenes, "--seeds", *map(str, self.seeds)]
        words += ["--budget", self.budget]
        words += [] if self.steps is None else ["--steps", str(self.steps)]
        return f"Stopped; at most half a minute is lost. Go on with: {shlex.join(words)}"
