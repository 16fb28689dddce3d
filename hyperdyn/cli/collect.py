"""`hyperdyn collect`: simulate episodes and write them, with several processes."""

import os
import shlex
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.training.pushing import CollectConfig, PushingDataset

TASKS = ("push",)


@dataclass(frozen=True, kw_only=True)
class Collect(Command):
    """Collect pushing data; Ctrl-C at any time, the same command goes on.

    Episodes are written in shards of raw numbers with checksums. An episode whose object leaves the
    table is cut before that push, kept and counted. The same options give the same data, however
    many workers there are and however often it was stopped.
    """

    positionals: ClassVar[tuple[str, ...]] = ("task",)

    task: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="TASK")]
    """What to collect: push."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Folder of the collection: new, or one to go on with."""
    preset: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """paper (50,000 episodes with an image each) or quick (500 with images)."""
    episodes: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """How many, cut ones included; needed without a preset."""
    images: tyro.conf.FlagCreatePairsOff[bool] = False
    """Keep a picture of each episode's beginning, from one of the nine cameras at random."""
    shapes: tyro.conf.FlagCreatePairsOff[bool] = False
    """Push nothing: one picture an episode, from a random camera, of an object on the table."""
    split: Annotated[str, tyro.conf.arg(metavar="SPLIT")] = "seen"
    """Whose objects: seen or novel."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes; as many as there are cores, unless given."""
    seed: int = 0
    """Seed of every random number."""

    def prepare(self) -> Job:
        """Check names and numbers."""
        from hyperdyn.training.pushing import collect

        require_known("task", self.task, TASKS)
        require_positive("--workers", self.workers)
        config = self._config()

        def job() -> None:
            from tqdm import tqdm

            start = time.monotonic()
            with tqdm(total=config.episodes, desc="episodes", unit="ep") as bar:
                dataset = collect(config, self.out, workers=self.workers, on_episodes=bar.update)
            _report(dataset, time.monotonic() - start)

        return job

    def _config(self) -> "CollectConfig":
        from hyperdyn.training.pushing import PRESETS, CollectConfig

        if self.preset is not None:
            require_known("preset", self.preset, PRESETS)
            base = PRESETS[self.preset]
        elif self.episodes is not None:
            base = CollectConfig(episodes=self.episodes)
        else:
            raise InputError("How many? Give --episodes N, or --preset paper or quick.")
        return replace(
            base,
            episodes=base.episodes if self.episodes is None else self.episodes,
            images=base.images or self.images,
            kind="shapes" if self.shapes else "push",
            split=self.split,
            seed=self.seed,
        )

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "collect", self.task, "--out", str(self.out)]
        for option in ("preset", "episodes"):
            if getattr(self, option) is not None:
                words += [f"--{option}", str(getattr(self, option))]
        words += [f"--{flag}" for flag in ("images", "shapes") if getattr(self, flag)]
        words += ["--split", self.split, "--workers", str(self.workers), "--seed", str(self.seed)]
        return f"Stopped; finished shards are kept. Go on with: {shlex.join(words)}"


def _report(dataset: "PushingDataset", seconds: float) -> None:
    endings = dataset.endings()
    total = sum(endings.values())
    print(f"{dataset.folder}: {total} episodes of {dataset.config.kind}, {seconds:.0f} s.")
    if dataset.config.kind == "push":
        for ending, count in endings.items():
            print(f"  {ending.replace('_', ' ')}: {count} ({count / total:.1%})")
