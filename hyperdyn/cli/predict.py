"""`hyperdyn predict`: prediction error of several generators on one fixed data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from hyperdyn.cli.command import Command, EnvId, Job, make_room_for, require_positive

if TYPE_CHECKING:
    from hyperdyn.training.prediction import PredictionError

Models = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="MODEL [MODEL ...]")
]


@dataclass(frozen=True, kw_only=True)
class Predict(Command):
    """Compare prediction errors on one fixed, held-out data set.

    Drivers plan through held-out systems of every split, and what they meet is the data set: the
    same for every MODEL. Models of one kind (training seeds) are also reported together, with an
    interval that is stratified by model.
    """

    models: Models
    """Pretrained names, run folders or model folders."""
    env: EnvId
    """Environment, such as hyperdyn/CheetahSlope-v0."""
    drivers: tuple[str, ...] = (
        "cheetah-slope",
        "cheetah-slope-direct",
        "cheetah-slope-film",
    )
    """Generators that collect the data set."""
    episodes: int = 4
    """Episodes for each driver and split."""
    seed: int = 0
    """Seed of systems and plans."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where to write the errors, their intervals and the setting."""

    def prepare(self) -> Job:
        """Check names and numbers, load the models."""
        from hyperdyn import load_generator
        from hyperdyn.training.tasks import task_for

        task = task_for(self.env)
        require_positive("--episodes", self.episodes)
        models = {name: load_generator(name) for name in self.models}
        drivers = [load_generator(name) for name in self.drivers]
        if self.json is not None:
            make_room_for(self.json)

        def job() -> None:
            import json

            from hyperdyn.planners import RandomShooting
            from hyperdyn.training.prediction import (
                change_scale,
                collect_fixed,
                fixed_windows,
                prediction_error,
            )

            planner = RandomShooting()
            length = max(model.history_length for model in models.values())
            splits = [split for split in task.splits if split != "novel"]
            data = {}
            for split in splits:
                print(f"Collecting {split}: {len(drivers)} x {self.episodes} episodes", flush=True)
                data[split] = collect_fixed(
                    task,
                    drivers,
                    split,
                    episodes=self.episodes,
                    seed=self.seed,
                    planner=planner,
                )
            scale = change_scale(data[splits[0]])
            column = task.progress_column
            errors: dict[str, dict[str, list[PredictionError]]] = {}
            for split in splits:
                windows = fixed_windows(data[split], length, planner.horizon, task)
                for name, model in models.items():
                    found = prediction_error(model, windows, scale, column)
                    for group in dict.fromkeys((name, model.kind)):
                        errors.setdefault(group, {}).setdefault(split, []).append(found)
            report = {
                name: {split: _summary(parts) for split, parts in by_split.items()}
                for name, by_split in errors.items()
            }
            _show({k: v for k, v in report.items() if k in models or _several(v)}, splits)
            if self.json is not None:
                setting = {
                    "env": self.env,
                    "models": {name: model.kind for name, model in models.items()},
                    "drivers": list(self.drivers),
                    "episodes_per_driver_and_split": self.episodes,
                    "seed": self.seed,
                    "horizon": planner.horizon,
                    "scale": "standard deviation of changes on the seen part of the data set",
                }
                self.json.write_text(json.dumps({"errors": report, "setting": setting}, indent=2))
                print(f"Wrote {self.json}")

        return job


def _summary(parts: "list[PredictionError]") -> dict[str, Any]:
    """Interquartile means over episodes, intervals stratified by model."""
    import torch

    from hyperdyn.training.statistics import interquartile_mean, interval

    summary: dict[str, Any] = {"models": len(parts)}
    for name in ("one_step", "open_loop"):
        groups = [getattr(part, name).double() for part in parts]
        summary[name] = {
            "iqm": float(interquartile_mean(torch.cat(groups).numpy())),
            "ci95": interval([group.tolist() for group in groups]),
        }
    return summary


def _several(by_split: dict[str, dict[str, Any]]) -> bool:
    """Whether a row brings together more than one model."""
    return any(found["models"] > 1 for found in by_split.values())


def _show(report: dict[str, dict[str, dict[str, Any]]], splits: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Prediction error: next change (x 0.01 variance) | 20 steps ahead (cm)")
    table.add_column("model")
    for split in splits:
        table.add_column(split, justify="right")
    for name, by_split in report.items():
        row = []
        for split in splits:
            found = by_split[split]
            row.append(f"{_percent(found['one_step'])} | {_percent(found['open_loop'])}")
        table.add_row(name, *row)
    Console(markup=False).print(table)


def _percent(found: dict[str, Any]) -> str:
    low, high = found["ci95"]
    return f"{100 * found['iqm']:.2f} [{100 * low:.2f}, {100 * high:.2f}]"
