"""`hyperdyn evaluate goalnet`: let policies for goals push objects home."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, make_room_for
from hyperdyn.errors import InputError


@dataclass(frozen=True, kw_only=True)
class EvaluateGoalnet(Command):
    """Count how often policies push an object to its goal on hyperdyn/Push-v0.

    With weights written at every step, and once a rollout, where that makes a difference. Prints
    success with its 95 % interval and how often the stop detector is right; --json keeps every
    trial.
    """

    positionals: ClassVar[tuple[str, ...]] = ("runs",)

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Run folders of a study that `hyperdyn train goalnet` wrote."""
    split: Annotated[str, tyro.conf.arg(metavar="SPLIT")] = "seen"
    """Whose objects: seen or novel."""
    trials: Annotated[int, tyro.conf.arg(metavar="N")] = 50
    """How many of each; the same tables for every policy."""
    seed: int = 0
    """Seed of the tables."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """File for all that was found; a page of the same name, .md, is written beside it."""

    def prepare(self) -> Job:
        """Check names and numbers, and load the policies."""
        from hyperdyn.policies import load_goal_policy
        from hyperdyn.training.goals.evaluation import (
            evaluate_goals,
            policy_scores,
            scene_of,
            to_json,
            writings_of,
        )
        from hyperdyn.training.goals.page import page
        from hyperdyn.training.goals.trials import trials_of
        from hyperdyn.training.pages import write

        config = trials_of(self.split, self.trials, self.seed)
        if not self.runs:
            raise InputError("Which policies? Name run folders of `hyperdyn train goalnet`.")
        models = {str(run): load_goal_policy(run) for run in self.runs}
        scenes = {name: scene_of(model) for name, model in models.items()}
        if self.json is not None:
            make_room_for(self.json)

        def job() -> None:
            from tqdm import tqdm

            goals: dict[str, Any] = {}
            for name, model in models.items():
                rows = goals.setdefault(scenes[name], {}).setdefault(name, {})
                for writing in writings_of(model):
                    with tqdm(total=config.trials, desc=f"{name}, {writing}", unit="trial") as bar:
                        trials = evaluate_goals(
                            model,
                            config,
                            writing=writing,
                            on_trial=lambda trial, bar=bar: bar.update(1),  # type: ignore[misc]
                        )
                    rows[writing] = {
                        **policy_scores([trials]),
                        "threshold": float(model.threshold),
                        "every_trial": to_json(trials),
                    }
                    print(_line(name, scenes[name], writing, rows[writing]))
            if self.json is not None:
                found = {"goals": goals, "setting": self._setting()}
                write(found, page(found), self.json)
                print(f"Wrote {self.json} and {self.json.with_suffix('.md')}")

        return job

    def _setting(self) -> dict[str, Any]:
        return {
            "split": self.split,
            "trials": self.trials,
            "seed": self.seed,
            "command": shlex.join(["hyperdyn", *sys.argv[1:]]),
        }


def _line(name: str, scene: str, writing: str, row: dict[str, Any]) -> str:
    low, high = row["ci95"]
    pushes = row["detector"]["pushes"]
    told = ", ".join(
        f"{what} {'-' if pushes[what] is None else round(pushes[what], 2)}"
        for what in ("accuracy", "precision", "recall")
    )
    return (
        f"{name} ({scene}, {writing}): success {row['success']:.2f} [{low:.2f}, {high:.2f}], "
        f"{100 * row['distance']:.1f} cm from the goal; stop detector after single pushes: {told}"
    )
