"""The runs of a study of policies for goals: every scene, preset and seed, several side by side."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperdyn.errors import CheckpointError
from hyperdyn.storage import is_written
from hyperdyn.training.goals.configs import GOAL_PRESETS, GoalTrainConfig
from hyperdyn.training.goals.episodes import read_episodes
from hyperdyn.training.goals.training import train_goals
from hyperdyn.training.goals.views import SCENES
from hyperdyn.training.run_folder import RUN_FILE
from hyperdyn.training.side_by_side import train_side_by_side


@dataclass(frozen=True, kw_only=True, order=True)
class GoalRun:
    """One policy trained on one kind of scene from one seed."""

    scene: str
    """A name in `hyperdyn.training.goals.views.SCENES`."""
    preset: str
    """A name in `hyperdyn.training.goals.configs.GOAL_PRESETS`."""
    seed: int

    @property
    def name(self) -> str:
        """Of its folder in a study."""
        return f"{self.scene}-{self.preset}-{self.seed}"


def finished_runs(study: Path) -> list[GoalRun]:
    """The runs of a study whose training is over, by scene, preset and seed in order."""
    found = []
    for scene in SCENES:
        for preset in GOAL_PRESETS:
            start = f"{scene}-{preset}-"
            ends = [
                folder.parent.name.removeprefix(start) for folder in study.glob(f"{start}*/model")
            ]
            seeds = sorted(int(end) for end in ends if re.fullmatch(r"\d+", end))
            runs = [GoalRun(scene=scene, preset=preset, seed=seed) for seed in seeds]
            found += [run for run in runs if is_written(study / run.name / "model")]
    return found


def read_settings(folder: Path) -> dict[str, Any]:
    """What policies that are compared must have in common, as a run folder has it.

    Raises:
        CheckpointError: If it does not say.
    """
    try:
        config = json.loads((folder / RUN_FILE).read_text())["config"]
        samples = config["contexts"] * config["moments"]
        common = ("budget", "demonstrations", "steps", "mirrored", "learning_rate")
        return {**{name: config[name] for name in common}, "samples_a_step": samples}
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder} is no run of `hyperdyn train goalnet` ({type(error).__name__}: {error}); "
            "move it elsewhere."
        ) from error


def train_runs(
    configs: Mapping[GoalRun, GoalTrainConfig],
    study: Path,
    demonstrations: Path,
    *,
    workers: int,
    on_steps: Callable[[int], object] = lambda count: None,
) -> None:
    """Train the runs that are missing and go on with those that were begun.

    Args:
        configs: What each is; begun in this order.
        study: Folder of their folders.
        demonstrations: Folder of what they learn from.
        workers: Processes, each with one run at a time and one thread; one works in this process.
        on_steps: Told how many optimiser steps were made; of runs found finished all count at once.

    Raises:
        CheckpointError: If a folder holds another run.
    """
    trainings = {
        run.name: _GoalTraining(config=config, demonstrations=demonstrations, scene=run.scene)
        for run, config in configs.items()
    }
    train_side_by_side(trainings, study, workers=workers, on_steps=on_steps)


@dataclass(frozen=True, kw_only=True)
class _GoalTraining:
    config: GoalTrainConfig
    demonstrations: Path
    scene: str

    def train(self, folder: Path, on_step: Callable[[int], object]) -> None:
        episodes = read_episodes(self.demonstrations, self.scene)
        train_goals(self.config, folder, episodes, resume=folder.exists(), on_step=on_step)
