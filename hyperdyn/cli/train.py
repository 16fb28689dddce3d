"""`hyperdyn train`: run a preset, or go on with a run."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from hyperdyn.cli.command import Command, Job


@dataclass(frozen=True, kw_only=True)
class Train(Command):
    """Train a generator, as a preset says; Ctrl-C at any time, `--resume` goes on.

    Object pushing, the study of locomotion and policies have commands of their own, with a --help
    each: `hyperdyn train perception`, `train push`, `train locomotion`, `train policy`.

    Rounds that are divided into groups (--groups, or as the preset says) can be collected by
    several processes, here (--workers) or on a Ray cluster (--ray): no number depends on that. A
    preset of one group cannot be shared out. Several processes fit one model under torchrun:
    `torchrun --nproc-per-node 2 -m hyperdyn train PRESET --out RUN`.

    The run folder gets the data, metrics.jsonl, tensorboard files, a checkpoint, and `model`, which
    every other command takes as MODEL (so does the run folder itself).
    """

    preset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="PRESET")]
    """Name of a training run; `hyperdyn info` lists them."""
    out: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """Run folder: new or empty, unless a run in it is resumed."""
    seed: int = 0
    """Seed of every random number; repeat it to resume."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with the run in RUN. It ends with the weights it would have had uninterrupted."""
    groups: int | None = None
    """Groups each round's episodes are divided into, as the preset says unless given. Their number
    changes the data; repeat it to resume."""
    workers: int = 1
    """Processes that collect groups side by side."""
    ray: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Collect groups on this Ray cluster: auto, HOST:PORT or ray://HOST:PORT; local starts one."""
    device: str = "cpu"
    """Where models are fitted and planned with: cpu or cuda."""

    def prepare(self) -> Job:
        """Look the preset up, and what it is to be computed with."""
        from hyperdyn.training.cluster import require_ray
        from hyperdyn.training.distributed import process_rank, require_device
        from hyperdyn.training.jobs import Where
        from hyperdyn.training.on_policy import require_shares, train
        from hyperdyn.training.presets import preset

        config = replace(preset(self.preset), seed=self.seed)
        if self.groups is not None:
            config = replace(config, groups=self.groups)
        where = Where(device=self.device, workers=self.workers, ray=self.ray)
        require_shares(config, where)
        require_device(self.device)
        if self.ray is not None:
            require_ray()

        def job() -> None:
            train(config, self.out, resume=self.resume, where=where)
            if process_rank() > 0:
                return
            run = shlex.quote(str(self.out))
            print(f"Wrote {self.out}. Evaluate it with:")
            print(f"  hyperdyn evaluate {run} --env {config.env_id} --split novel")

        return job

    @property
    def when_interrupted(self) -> str:
        """How to resume."""
        words = ["hyperdyn", "train", self.preset, "--out", str(self.out)]
        for name in ("seed", "groups", "workers", "ray", "device"):
            value = getattr(self, name)
            if value != getattr(Train, name):
                words += [f"--{name}", str(value)]
        again = shlex.join([*words, "--resume"])
        return f"Stopped; at most the last minute is lost. Go on with: {again}"
