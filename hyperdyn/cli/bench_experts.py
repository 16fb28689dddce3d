"""`hyperdyn bench experts`: soft actor-critic for many tasks at once, against one at a time."""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from hyperdyn.cli.benchmark import Benchmark
from hyperdyn.cli.command import Job, require_positive
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.benchmarks.experts import ExpertRun
    from hyperdyn.benchmarks.report import Table
    from hyperdyn.training.experts.configs import ExpertsConfig


@dataclass(frozen=True, kw_only=True)
class BenchExperts(Benchmark):
    """Tasks times steps a second of batched soft actor-critic, and its returns at equal steps.

    The same tasks, sizes and steps: all at once, and some of them alone.
    """

    family: Annotated[str, tyro.conf.arg(metavar="FAMILY")] = "cheetah-vel"
    """cheetah-vel or ant-dir."""
    preset: Annotated[str, tyro.conf.arg(metavar="NAME")] = "reduced"
    """Whose sizes: full, reduced or quick, as in `hyperdyn collect policies`."""
    tasks: int = 15
    """Training tasks in the batch."""
    alone: int = 1
    """How many of them are learnt alone too."""
    steps: int = 2000
    """Steps of each task, with learning in all but the first 1000."""
    episodes: int = 5
    """Of each task, to find what it returns."""
    peer: tyro.conf.FlagCreatePairsOff[bool] = False
    """Learn those with stable-baselines3 too."""
    threads: int = 1
    """Of torch."""
    seed: int = 0
    """Seed of every random number."""

    def prepare(self) -> Job:
        """Check names, numbers and files."""
        import torch

        from hyperdyn.benchmarks.experts import require_peer

        for name in ("tasks", "alone", "episodes", "threads"):
            require_positive(f"--{name}", getattr(self, name))
        if self.alone > self.tasks:
            raise InputError(f"--alone is at most --tasks ({self.tasks}); got {self.alone}.")
        if self.peer:
            require_peer()
        config = self._config()
        self.make_room()

        def job() -> None:
            from tqdm import tqdm

            torch.set_num_threads(self.threads)
            runs: list[ExpertRun] = []
            some = self.tasks + self.alone * (2 if self.peer else 1)
            try:
                with tqdm(total=some * self.steps, desc="experts", unit="step") as bar:
                    self._measure(config, runs, bar)
            finally:
                if runs:
                    self._publish(config, runs)

        return job

    def _config(self) -> "ExpertsConfig":
        from hyperdyn.envs.meta import FAMILIES
        from hyperdyn.training.experts.configs import experts_preset

        require_known("family", self.family, FAMILIES)
        if self.steps < 2000 or self.steps % 1000:
            raise InputError(f"--steps is a multiple of 1000, 2000 or more; got {self.steps}.")
        return dataclasses.replace(
            experts_preset(self.preset, self.family, self.seed),
            tasks=FAMILIES[self.family].training(self.tasks),
            steps=self.steps,
            round_steps=1000,
            learning_starts=1000,
            buffer=self.steps,
            kept_from=self.steps,
            evaluated=self.episodes,
        )

    def _measure(self, config: "ExpertsConfig", runs: "list[ExpertRun]", bar: Any) -> None:
        from hyperdyn.benchmarks.experts import ALONE, BATCH, learn_ours, learn_with_peer

        for task in config.tasks[: self.alone]:
            own = dataclasses.replace(config, tasks=(task,))
            runs.append(learn_ours(own, ALONE, bar.update))
            if self.peer:
                runs.append(learn_with_peer(own, task, bar.update))
        runs.append(learn_ours(config, BATCH, bar.update))

    def _publish(self, config: "ExpertsConfig", runs: "list[ExpertRun]") -> None:
        """Print the table and write the files."""
        from hyperdyn.benchmarks.experts import summarise
        from hyperdyn.benchmarks.machine import describe
        from hyperdyn.benchmarks.settings import Settings
        from hyperdyn.storage import to_config

        learners = summarise(runs)
        found = {
            "learners": learners,
            "config": to_config(config),
            "machine": describe(Settings(threads=self.threads)),
            "settings": {"threads": self.threads},
        }
        self.publish(found, [_table(learners, config)])


def _table(learners: dict[str, dict[str, Any]], config: "ExpertsConfig") -> "Table":
    import numpy as np

    from hyperdyn.benchmarks.report import Table

    # Tasks that all of them learnt, so that returns can be compared.
    shared = set.intersection(*(set(own["returns"]) for own in learners.values()))
    slowest = min(own["task_steps_per_second"] for own in learners.values())
    rows: list[tuple[str, ...]] = [
        (
            who,
            str(own["tasks_at_once"]),
            f"{own['task_steps_per_second']:.0f}",
            f"{own['task_steps_per_second'] / slowest:.1f}",
            f"{own['task_steps_per_processor_second']:.0f}",
            f"{np.mean([own['returns'][task] for task in shared]):.1f}",
        )
        for who, own in learners.items()
    ]
    widths = "x".join(map(str, config.sac.hidden))
    listed = ", ".join(map(str, sorted(shared)))
    return Table(
        f"{config.family}, {widths}, batches of {config.sac.batch}: after {config.steps} steps a "
        f"task, the first {config.learning_starts} at random",
        (
            "learner",
            "tasks",
            "tasks x steps/s",
            "× slowest",
            "per processor second",
            f"return of task {listed}",
        ),
        rows,
        names=1,
    )
