"""`hyperdyn train genhyper-tuning`: generated policies learn on in tasks that are new to them."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive
from hyperdyn.errors import InputError

if TYPE_CHECKING:
    from hyperdyn.training.tuning.configs import TuningConfig


@dataclass(frozen=True, kw_only=True)
class TrainGenhyperTuning(Command):
    """Learn on from generated policies, or from scratch; Ctrl-C, and the same command goes on.

    Soft actor-critic, all tasks and repetitions as one batch; FOLDER gets metrics.jsonl, and
    `tuned` with the actors and their returns along the way.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    family: Annotated[str, tyro.conf.arg(metavar="FAMILY")]
    """cheetah-vel or ant-dir."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Folder of the run: new, or one to go on with."""
    generator: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Run of `hyperdyn train genhyper`: an actor of it for each row; from scratch if left out."""
    preset: Annotated[str, tyro.conf.arg(metavar="NAME")] = "reduced"
    """full (256 x 256, 200,000 steps: for a GPU), reduced (64 x 64, 100,000 steps) or quick (a
    trial of the machinery); widths are those of `hyperdyn collect policies`."""
    tasks: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = ()
    """Indices of published tasks; the test tasks unless given. Choose settings on others."""
    repeats: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Rows of each task, with seeds and actors of their own; the preset's, mostly 3, unless
    given."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Environment steps of each row; the preset's unless given."""
    wait: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Optimiser steps before the actors' first one, in which critics learn what they are worth; the
    paper has none."""
    temperature: Annotated[float, tyro.conf.arg(metavar="X")] = 1.0
    """Of soft actor-critic at first, as it begins from scratch; near its last value actors keep
    more of what they can do."""
    rise: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Optimiser steps in which the actors' rate rises from 3e-6 to 3e-4; half the steps unless
    given. The paper gives none."""
    td_weight: Annotated[float, tyro.conf.arg(metavar="X")] = 0.1
    """Of the temporal difference in the actors' loss; the paper gives none."""
    td_bare: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave the discount out of that, as the paper's formula does."""
    device: str = "cpu"
    """Where to learn: cpu or cuda."""
    threads: Annotated[int, tyro.conf.arg(metavar="N")] = len(os.sched_getaffinity(0))
    """Of the learner; as many as there are cores, unless given."""
    seed: int = 0
    """Seed of every random number."""

    def prepare(self) -> Job:
        """Check names, numbers and the generator."""
        from hyperdyn.training.distributed import require_device

        require_device(self.device)
        require_positive("--threads", self.threads)
        if self.seed < 0:
            raise InputError(f"--seed must not be negative; got {self.seed}.")
        config = self._config()

        def job() -> None:
            import torch
            from tqdm import tqdm

            from hyperdyn.genhyper import load_sampler
            from hyperdyn.training.tuning.starts import generated_start
            from hyperdyn.training.tuning.training import tune

            torch.set_num_threads(self.threads)
            start = None
            if self.generator is not None:
                start = generated_start(load_sampler(self.generator), config)
            total = config.steps * len(config.rows)
            with tqdm(total=total, desc=self.out.name, unit="step", unit_scale=True) as bar:
                found = tune(config, self.out, start, device=self.device, on_steps=bar.update)
            first, last = found.returns[0].mean().item(), found.returns[-1].mean().item()
            print(
                f"{self.out}: mean return {first:.1f} before, {last:.1f} after {config.steps} "
                f"steps of each of {len(config.rows)} rows."
            )

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "train", "genhyper-tuning", "--family", self.family]
        words += ["--out", str(self.out), "--preset", self.preset]
        if self.generator is not None:
            words += ["--generator", str(self.generator), "--td-weight", str(self.td_weight)]
            words += ["--wait", str(self.wait), "--temperature", str(self.temperature)]
        words += ["--tasks", *map(str, self.tasks)] if self.tasks else []
        for name in ("repeats", "steps", "rise"):
            if getattr(self, name) is not None:
                words += [f"--{name}", str(getattr(self, name))]
        words += ["--td-bare"] if self.td_bare else []
        words += ["--device", self.device, "--threads", str(self.threads)]
        words += ["--seed", str(self.seed)]
        return f"Stopped; about a minute is lost at most. Go on with: {shlex.join(words)}"

    def _config(self) -> "TuningConfig":
        from hyperdyn.policies.generator import policy_folder
        from hyperdyn.storage import read_header
        from hyperdyn.training.experts.configs import ActorTuning
        from hyperdyn.training.tuning.configs import tuning_preset

        given: dict[str, Any] = {"seed": self.seed}
        if self.steps is not None:
            given |= {"steps": self.steps, "buffer": self.steps}
        given |= {"tasks": self.tasks} if self.tasks else {}
        given |= {} if self.repeats is None else {"repeats": self.repeats}
        config = tuning_preset(self.preset, self.family, **given)
        if self.generator is None:
            if self.rise is not None or self.td_bare or self.wait or self.temperature != 1.0:
                raise InputError(
                    "--wait, --temperature, --rise and --td-bare are for actors of a --generator."
                )
            return config
        tuning = ActorTuning(
            wait=self.wait,
            first_temperature=self.temperature,
            rise=max(1, config.steps // 2) if self.rise is None else self.rise,
            td_weight=self.td_weight,
            td_discounted=not self.td_bare,
        )
        model = read_header(policy_folder(self.generator))["sha256"]
        return tuning_preset(self.preset, self.family, model=model, tuning=tuning, **given)
