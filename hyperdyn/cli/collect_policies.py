"""`hyperdyn collect policies`: train experts of a family's tasks, and keep their actors."""

import os
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive

if TYPE_CHECKING:
    from hyperdyn.training.experts.configs import ExpertsConfig


@dataclass(frozen=True, kw_only=True)
class CollectPolicies(Command):
    """Train experts of many tasks as one batch, and keep their actors; Ctrl-C, and it goes on.

    Soft actor-critic, a task a row of every network. FOLDER gets metrics.jsonl and
    policies/task-NN, with the actors of a task as one array and a checksum.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    family: Annotated[str, tyro.conf.arg(metavar="FAMILY")]
    """cheetah-vel or ant-dir."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Folder of the run: new, or one to go on with."""
    preset: Annotated[str, tyro.conf.arg(metavar="NAME")] = "reduced"
    """full (all tasks, 256 x 256, 750,000 steps, 500 actors a task: for a GPU), reduced (15
    training tasks and the 5 test tasks, 64 x 64, 200,000 steps of cheetahs or 400,000 of ants, 100
    actors) or quick (a trial of the machinery)."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Of each task, in place of the preset's; as many of its last actors are kept."""
    device: str = "cpu"
    """Where to learn: cpu or cuda."""
    threads: Annotated[int, tyro.conf.arg(metavar="N")] = len(os.sched_getaffinity(0))
    """Of the learner; as many as there are cores, unless given."""
    seed: int = 0
    """Seed of every random number."""

    def prepare(self) -> Job:
        """Check names and numbers."""
        from hyperdyn.training.distributed import require_device
        from hyperdyn.training.experts.configs import experts_preset

        require_device(self.device)
        require_positive("--threads", self.threads)
        config = experts_preset(self.preset, self.family, self.seed, steps=self.steps)

        def job() -> None:
            import torch
            from tqdm import tqdm

            from hyperdyn.training.experts.training import collect_policies

            torch.set_num_threads(self.threads)
            start, total = time.monotonic(), config.steps * len(config.tasks)
            with tqdm(total=total, desc=self.family, unit="step", unit_scale=True) as bar:
                collect_policies(config, self.out, device=self.device, on_steps=bar.update)
            _report(self.out, config, time.monotonic() - start)

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "collect", "policies", "--family", self.family]
        words += ["--out", str(self.out), "--preset", self.preset, "--device", self.device]
        words += ["--steps", str(self.steps)] if self.steps is not None else []
        words += ["--threads", str(self.threads), "--seed", str(self.seed)]
        return f"Stopped; about a minute is lost at most. Go on with: {shlex.join(words)}"


def _report(out: Path, config: "ExpertsConfig", seconds: float) -> None:
    from hyperdyn.training.experts.policies import ExpertPolicies

    print(
        f"{out}: {config.kept} actors of each of {len(config.tasks)} tasks of {config.family}, "
        f"{seconds:.0f} s."
    )
    for task in config.tasks:
        meta = ExpertPolicies.read(out, task).meta
        mean = sum(meta.returns) / len(meta.returns)
        print(f"  task {task:2d} ({meta.split}) at {meta.value:.4g}: last return {mean:.1f}")
