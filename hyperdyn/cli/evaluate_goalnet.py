"""`hyperdyn evaluate goalnet`: let policies for goals push objects home."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, make_room_for
from hyperdyn.errors import InputError


@dataclass(frozen=True, kw_only=True)
class EvaluateGoalnet(Command):
    """Count how often policies push an object to its goal on hyperdyn/Push-v0.

    With weights written at every step, and once a rollout; for a control that writes none the two
    are the same, and it is tried once. Prints success with its 95 % interval and how often the stop
    detector is right; --json keeps every trial.
    """

    positionals: ClassVar[tuple[str, ...]] = ("runs",)

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folders that `hyperdyn train goalnet` wrote."""
    split: Annotated[str, tyro.conf.arg(metavar="SPLIT")] = "seen"
    """Whose objects: seen or novel."""
    trials: Annotated[int, tyro.conf.arg(metavar="N")] = 50
    """How many of each; the same tables for every policy."""
    seed: int = 0
    """Seed of the tables."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """File for all that was found."""

    def prepare(self) -> Job:
        """Check names and numbers, and load the policies."""
        from hyperdyn.policies import WRITINGS, GoalNet, load_goal_policy
        from hyperdyn.training.goals.evaluation import evaluate_goals, scene_of, trials_of

        config = trials_of(self.split, self.trials, self.seed)
        if not self.runs:
            raise InputError("Which policies? Name folders that `hyperdyn train goalnet` wrote.")
        models = {str(run): load_goal_policy(run) for run in self.runs}
        scenes = {name: scene_of(model) for name, model in models.items()}
        if self.json is not None:
            make_room_for(self.json)

        def job() -> None:
            from tqdm import tqdm

            found: dict[str, Any] = {
                "split": self.split,
                "trials": self.trials,
                "seed": self.seed,
                "policies": {},
            }
            for name, model in models.items():
                rows: dict[str, Any] = {"scene": scenes[name]}
                found["policies"][name] = rows
                for writing in WRITINGS if isinstance(model, GoalNet) else WRITINGS[:1]:
                    with tqdm(total=config.trials, desc=f"{name}, {writing}", unit="trial") as bar:
                        rows[writing] = evaluate_goals(
                            model,
                            config,
                            writing=writing,
                            on_trial=lambda trial, bar=bar: bar.update(1),  # type: ignore[misc]
                        )
                    print(_line(name, scenes[name], writing, rows[writing]))
            if self.json is not None:
                self.json.write_text(json.dumps(found, indent=2) + "\n")
                print(f"Wrote {self.json}")

        return job


def _line(name: str, scene: str, writing: str, row: dict[str, Any]) -> str:
    low, high = row["ci95"]
    detector = row["detector"]
    recall = "-" if detector["recall"] is None else f"{detector['recall']:.2f}"
    return (
        f"{name} ({scene}, {writing}): success {row['success']:.2f} [{low:.2f}, {high:.2f}], "
        f"{100 * row['distance']:.1f} cm from the goal; stop detector: accuracy "
        f"{detector['accuracy']:.2f}, recall {recall}, after single pushes "
        f"{detector['push_accuracy']:.2f}"
    )
