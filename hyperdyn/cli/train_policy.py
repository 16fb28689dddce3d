"""`hyperdyn train policy`: train policy generators on demonstrations, several side by side."""

import itertools
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive
from hyperdyn.errors import InputError

if TYPE_CHECKING:
    from hyperdyn.training.policies.runs import PolicyTraining

_SETTINGS = ("steps", "tasks", "targets", "learning_rate")
_SIZES = ("hidden", "blocks", "raw_conditions")


@dataclass(frozen=True, kw_only=True)
class TrainPolicy(Command):
    """Train policy generators by cloning experts; Ctrl-C at any time, the same command goes on.

    A run is a method on a task's demonstrations, from the training specifications of a split (it
    looks at no other) and a seed, in the folder STUDY/TASK-METHOD-SPLIT-SEED, which gets
    metrics.jsonl, a checkpoint, and `model`. What is finished there stays.
    """

    positionals: ClassVar[tuple[str, ...]] = ("methods",)

    methods: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="METHOD")]
    """conditioned, uvfa, meta, pearl, hyperzero, hypogen-raw or hypogen-latent."""
    demonstrations: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FOLDER")]
    """What `hyperdyn collect demonstrations` wrote; a folder a task."""
    study: Annotated[Path, tyro.conf.arg(metavar="STUDY")]
    """Folder of the runs."""
    splits: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = (0,)
    """Which of the task's splits into training and test specifications."""
    seeds: Annotated[tuple[int, ...], tyro.conf.arg(metavar="S")] = (0,)
    """Training seeds."""
    budget: str = "reduced"
    """Reduced, one to five core-minutes a run, or paper, up to half a day."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Optimiser steps; the budget's (6,000 or 274,000) unless given."""
    tasks: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Specifications a batch, 8 at most unless given."""
    targets: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Transitions of each; the budget's (256 or 64) unless given."""
    learning_rate: Annotated[float | None, tyro.conf.arg(metavar="X")] = None
    """At first; the method's own unless given. It falls on a line to zero."""
    hidden: Annotated[tuple[int, ...] | None, tyro.conf.arg(metavar="N")] = None
    """Hidden widths of the generated policies; the budget's (128 or 256) unless given."""
    blocks: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Updates of hypogen; 8 unless given."""
    raw_conditions: tyro.conf.FlagCreatePairsOff[bool] = False
    """Read specifications as they are, not standardised: an ablation."""
    hold_out: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Training specifications to validate with instead, when settings are chosen."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes; each trains one run at a time."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        from hyperdyn.training.side_by_side import train_side_by_side

        require_positive("--workers", self.workers)
        if not (self.methods and self.demonstrations and self.splits and self.seeds):
            raise InputError("Give at least one method, one split and one seed.")
        if min(self.seeds) < 0:
            raise InputError(f"--seeds must not be negative; got {self.seeds}.")
        runs = self._runs()

        def job() -> None:
            from tqdm import tqdm

            steps = sum(run.config.steps for run in runs.values())
            with tqdm(total=steps, desc=f"{len(runs)} runs", unit="step") as bar:
                train_side_by_side(runs, self.study, workers=self.workers, on_steps=bar.update)
            shown = shlex.join(map(str, self.demonstrations))
            print(f"Finished {len(runs)} runs in {self.study}. Make the tables with:")
            print(
                f"  hyperdyn tables policies --runs {shlex.quote(str(self.study))} "
                f"--demonstrations {shown} --json policies.json"
            )

        return job

    def _runs(self) -> "dict[str, PolicyTraining]":
        from hyperdyn.training.demonstrations.dataset import Demonstrations
        from hyperdyn.training.policies.configs import policy_run
        from hyperdyn.training.policies.runs import PolicyTraining

        found = {}
        for folder in self.demonstrations:
            source = Demonstrations.read(folder)
            for seed, split, method in itertools.product(self.seeds, self.splits, self.methods):
                source.split(split)
                config = policy_run(
                    method.replace("-", "_"),
                    source,
                    budget=self.budget,
                    sizes=self._given(_SIZES),
                    split=split,
                    seed=seed,
                    held_out=self.hold_out,
                    **self._given(_SETTINGS),
                )
                words = (source.meta.task, method, *self._differences(), split, seed)
                name = "-".join(map(str, words))
                if name in found:
                    raise InputError(f"{name} was asked for twice; name each once.")
                found[name] = PolicyTraining(config=config, demonstrations=folder)
        return found

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in names}
        return {name: v for name, v in given.items() if v is not None and v is not False}

    def _differences(self) -> list[str]:
        """Words for a folder of what is not the method's own: "blocks-1"."""
        given = self._given(_SIZES) | ({"hold_out": self.hold_out} if self.hold_out else {})
        found = []
        for name, value in given.items():
            values = [] if value is True else value if isinstance(value, tuple) else [value]
            found.append("-".join([name.replace("_", "-"), *map(str, values)]))
        return found

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        return "Stopped; at most half a minute a run is lost. The same command goes on."
