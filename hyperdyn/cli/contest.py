"""The demo's contest: several ways of acting meet the same systems, in parallel processes."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperdyn.training.processes import processes

if TYPE_CHECKING:
    import numpy as np

    from hyperdyn.training.episodes import Episodes
    from hyperdyn.training.evaluation import Evaluation


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One contender on one split."""

    contender: str
    """Name in tables and pictures."""
    model: str | None
    """Pretrained name or folder; None acts at random."""
    env_id: str
    split: str
    episodes: int
    """Episodes to evaluate; 0 films one instead."""
    seed: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an entry: a summary and its episodes, or pictures, or why there are none."""

    entry: Entry
    summary: "Evaluation | None" = None
    episodes: "Episodes | None" = None
    frames: "tuple[np.ndarray, ...]" = ()
    distance: tuple[float, ...] = ()
    """Metres travelled at each picture."""
    unavailable: str = ""
    """Why pictures could not be made."""


def run_entries(entries: Sequence[Entry]) -> Iterator[Outcome]:
    """Run all entries, one process a core, yielding outcomes as they come."""
    workers = min(len(entries), _cores())
    with processes(workers) as pool:
        jobs = [
            pool.submit(_film if entry.episodes == 0 else _evaluate, entry) for entry in entries
        ]
        for job in as_completed(jobs):
            yield job.result()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _evaluate(entry: Entry) -> Outcome:
    from hyperdyn import load_generator
    from hyperdyn.planners import RandomShooting
    from hyperdyn.training.evaluation import evaluate

    summary, episodes = evaluate(
        None if entry.model is None else load_generator(entry.model),
        entry.env_id,
        entry.split,
        episodes=entry.episodes,
        seed=entry.seed,
        planner=RandomShooting(),
        name=entry.contender,
        progress=False,
    )
    return Outcome(entry=entry, summary=summary, episodes=episodes)


def _film(entry: Entry) -> Outcome:
    from hyperdyn import load_generator
    from hyperdyn.cli.videos import Camera
    from hyperdyn.errors import HyperdynError
    from hyperdyn.planners import RandomShooting
    from hyperdyn.training.collect import Agent, PlanningAgent, RandomAgent, run_episodes
    from hyperdyn.training.evaluation import resets_for
    from hyperdyn.training.seeds import torch_generator
    from hyperdyn.training.tasks import task_for

    task = task_for(entry.env_id)
    generator = torch_generator(entry.seed, "plan", 0)
    agent: Agent = RandomAgent(task.action_dim, generator)
    if entry.model is not None:
        agent = PlanningAgent(
            load_generator(entry.model), RandomShooting(), task.objective(), generator
        )
    camera = Camera()
    try:
        episodes = run_episodes(
            entry.env_id,
            agent,
            resets_for(task, entry.split, 1, entry.seed),
            task.episode_steps,
            lambda systems: camera.take(),
            camera.make,
        )
    except HyperdynError as error:
        return Outcome(entry=entry, unavailable=str(error))
    progress = (
        episodes.states[0, :, task.progress_column] - episodes.states[0, 0, task.progress_column]
    )
    every = task.episode_steps / len(camera.frames)
    distance = tuple(float(progress[round(every * i)]) for i in range(len(camera.frames)))
    return Outcome(entry=entry, frames=tuple(camera.frames), distance=distance)
