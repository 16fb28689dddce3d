"""`hyperdyn train locomotion`: the runs of the locomotion study, several side by side."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive
from hyperdyn.errors import InputError

if TYPE_CHECKING:
    from hyperdyn.training.locomotion.runs import Run


@dataclass(frozen=True, kw_only=True)
class TrainLocomotion(Command):
    """Train every model on every task from several seeds; Ctrl-C at any time, the same goes on.

    A run is the preset TASK-MODEL-BUDGET in the folder STUDY/TASK-MODEL-SEED. What is finished
    there stays. Seeds are the outer loop: the first of every model is done before the second.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    study: Annotated[Path, tyro.conf.arg(metavar="STUDY")]
    """Folder of the runs; logs/ in it has what each has to say."""
    tasks: Annotated[tuple[str, ...], tyro.conf.arg(metavar="TASK")] = (
        "cheetah-slope",
        "cheetah-pier",
        "ant-slope",
        "ant-pier",
    )
    """The paper's, unless named; beyond it cheetah- and ant- with body, crippled or flip."""
    models: Annotated[tuple[str, ...], tyro.conf.arg(metavar="MODEL")] = (
        "hyperdynamics",
        "direct",
        "film",
        "recurrent",
        "maml",
        "expert_ensemble",
        "cadm",
    )
    """Those of table 3, unless named; ablations of the generator: code-4, code-8, unbased,
    normalised, gru, leaky, masked, one-step, cem-driven, ensemble."""
    seeds: Annotated[tuple[int, ...], tyro.conf.arg(metavar="S")] = (0, 1, 2)
    """Training seeds."""
    budget: str = "reduced"
    """Reduced, about ten core-minutes a run, or paper, several core-hours."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes; each trains one run at a time."""
    device: str = "cpu"
    """Where models are fitted and planned with: cpu or cuda, which every process then shares."""

    def prepare(self) -> Job:
        """Check names and numbers."""
        from hyperdyn.training.distributed import require_device

        require_positive("--workers", self.workers)
        if not self.tasks or not self.models or not self.seeds or min(self.seeds) < 0:
            raise InputError("Give at least one task, one model and one seed, none negative.")
        require_device(self.device)
        runs = self._runs()
        rounds = sum(run.config(self.budget).iterations for run in runs)

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.training.locomotion.runs import train_runs

            os.environ["TQDM_MININTERVAL"] = "30"  # of the processes, whose bars go to logs
            with tqdm(total=rounds, desc=f"{len(runs)} runs", unit="round") as bar:
                train_runs(
                    runs,
                    self.study,
                    self.budget,
                    workers=self.workers,
                    device=self.device,
                    on_rounds=bar.update,
                )
            where = shlex.quote(str(self.study))
            print(f"Finished {len(runs)} runs in {self.study}. Make the tables with:")
            print(f"  hyperdyn tables locomotion --models {where} --json tables.json")

        return job

    def _runs(self) -> "list[Run]":
        from hyperdyn.training.locomotion.runs import Run

        runs = [
            Run(task=task, model=model, seed=seed)
            for seed in self.seeds
            for task in self.tasks
            for model in self.models
        ]
        return list(dict.fromkeys(runs))

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "train", "locomotion", "--study", str(self.study)]
        words += ["--tasks", *self.tasks, "--models", *self.models]
        words += ["--seeds", *map(str, self.seeds), "--budget", self.budget]
        words += ["--device", self.device]
        return f"Stopped; at most the last minute is lost. Go on with: {shlex.join(words)}"
