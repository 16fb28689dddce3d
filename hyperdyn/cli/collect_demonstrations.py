"""`hyperdyn collect demonstrations`: make an expert of a suite's task, and record what it does."""

import os
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive
from hyperdyn.errors import HyperdynError, InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.training.demonstrations.collection import Source
    from hyperdyn.training.demonstrations.dataset import Demonstrations

EXPERTS = ("planner", "sac", "auto")


@dataclass(frozen=True, kw_only=True)
class CollectDemonstrations(Command):
    """Record an expert on all specifications of a task; Ctrl-C, and the same command goes on.

    FOLDER gets a shard a specification, of raw numbers with checksums, and the expert's returns.
    The same options give the same data, however many workers there are and however often it was
    stopped.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    task: Annotated[str, tyro.conf.arg(metavar="TASK")]
    """cheetah-, walker- or finger-, then speed, length or speed-length."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Folder of the demonstrations: new, or one to go on with."""
    expert: Annotated[str, tyro.conf.arg(metavar="EXPERT")] = "auto"
    """planner (iCEM on the true simulator), sac (a policy for all specifications, trained first),
    or auto: both are measured on training specifications, and the better one is taken."""
    preset: Annotated[str, tyro.conf.arg(metavar="NAME")] = "paper"
    """How long the policy is trained: paper (3 M steps), reduced (1 M), small
    (400,000, narrower) or quick (20,000)."""
    rounds: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Rounds of that training, of 100,000 steps (paper, reduced), 50,000 (small) or 10,000 (quick);
    the preset's unless given."""
    run: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Run folder of the policy, to be trained there or trained already; FOLDER/expert if none."""
    trajectories: Annotated[int, tyro.conf.arg(metavar="N")] = 10
    """Episodes of each specification."""
    ids: Annotated[tuple[int, ...], tyro.conf.arg(metavar="ID")] = ()
    """Specifications, by their place in the task's grid; all if none is given."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes; each shows one specification at a time."""
    seed: int = 0
    """Seed of every random number."""

    def prepare(self) -> Job:
        """Check names and numbers."""
        from hyperdyn.training.demonstrations.collection import collect
        from hyperdyn.training.demonstrations.configs import DemonstrationConfig
        from hyperdyn.training.demonstrations.sac_configs import sac_preset

        require_known("expert", self.expert, EXPERTS)
        require_positive("--workers", self.workers)
        if self.expert == "planner" and self.run is not None:
            raise InputError("--run is the folder of a policy; a planner has none. Leave it out.")
        sac_preset(self.preset, self.task, self.seed, self.rounds)

        def config(expert: str) -> DemonstrationConfig:
            return DemonstrationConfig(
                task=self.task,
                expert=expert,
                trajectories=self.trajectories,
                ids=self.ids,
                seed=self.seed,
            )

        episodes = len(config("planner").ids) * self.trajectories

        def job() -> None:
            from tqdm import tqdm

            start = time.monotonic()
            expert, source = self._source()
            with tqdm(total=episodes, desc="episodes", unit="ep") as bar:
                shown = collect(
                    config(expert), source, self.out, workers=self.workers, on_episodes=bar.update
                )
            _report(self.out, shown, time.monotonic() - start)

        return job

    def _source(self) -> "tuple[str, Source]":
        """The expert, trained and measured if need be."""
        from hyperdyn.training.demonstrations.choice import choose
        from hyperdyn.training.demonstrations.collection import Source, planner_source

        if self.expert == "planner":
            return self.expert, planner_source(self.task)
        policy = self._train()
        expert = self.expert
        if expert == "auto":
            expert, found = choose(self.task, policy, self.out, steps=1000, seed=self.seed)
            measured = ", ".join(f"{name} {value:.0f}" for name, value in found.items())
            print(f"Mean returns on training specifications: {measured}. Taking the {expert}.")
        return expert, planner_source(self.task) if expert == "planner" else Source(policy=policy)

    def _train(self) -> Path:
        """Train the policy, as far as it is not.

        Raises:
            HyperdynError: If stable-baselines3 is not installed.
        """
        from tqdm import tqdm

        from hyperdyn.training.demonstrations.collection import EXPERT_FOLDER
        from hyperdyn.training.demonstrations.sac_configs import sac_preset

        try:
            from hyperdyn.training.demonstrations.sac_training import train_sac
        except ModuleNotFoundError as error:
            raise HyperdynError(
                f"Training an expert needs {error.name}: pip install 'hyperdyn-toolkit[experts]'."
            ) from error
        config = sac_preset(self.preset, self.task, self.seed, self.rounds)
        run = self.out / EXPERT_FOLDER if self.run is None else self.run
        with tqdm(total=config.rounds * config.round_steps, desc="expert", unit="step") as bar:
            return train_sac(config, run, on_steps=bar.update)

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "collect", "demonstrations", "--task", self.task]
        words += ["--out", str(self.out), "--expert", self.expert, "--preset", self.preset]
        words += ["--rounds", str(self.rounds)] if self.rounds is not None else []
        words += ["--run", str(self.run)] if self.run is not None else []
        words += ["--trajectories", str(self.trajectories)]
        words += ["--ids", *map(str, self.ids)] if self.ids else []
        words += ["--workers", str(self.workers), "--seed", str(self.seed)]
        return f"Stopped; finished specifications are kept. Go on with: {shlex.join(words)}"


def _report(folder: Path, shown: "Demonstrations", seconds: float) -> None:
    returns = shown.returns
    each = returns.mean(1)
    print(
        f"{folder}: {returns.numel()} episodes of {len(each)} specifications of "
        f"{shown.meta.task} by {shown.meta.expert}, {seconds:.0f} s."
    )
    print(
        f"  mean return {each.mean():.0f} of {shown.meta.reward_scale:.0f}; a specification "
        f"{each.min():.0f} to {each.max():.0f}"
    )
