"""Adapting on the fly: episodes whose hidden property changes, and prediction errors around it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hyperdyn.envs import make as make_env
from hyperdyn.errors import InputError
from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator
from hyperdyn.planners import Planner, RandomShooting
from hyperdyn.training.collect import PlanningAgent, Reset, run_episodes
from hyperdyn.training.episodes import Episodes, concatenate
from hyperdyn.training.evaluation import LOCKSTEP
from hyperdyn.training.prediction import change_scale
from hyperdyn.training.seeds import seed_for, torch_generator
from hyperdyn.training.tasks import Task
from hyperdyn.training.truths import Expert

CHANGE_STEP = 250
BEFORE = 150
"""Steps looked at before the change, and `AFTER` it."""
AFTER = 200
BATCH = 256
"""Models generated at once."""
SHORTEST = 0.5  # m, of a segment of ground

Make = Callable[[str], "gymnasium.Env[Any, Any]"]
Options = dict[str, Any]


@dataclass(frozen=True)
class _Drive:
    """Drives numbered episodes in lockstep, each time with the same random numbers."""

    task: Task
    driver: DynamicsGenerator
    planner: Planner[Any]
    numbers: range
    seed: int

    def __call__(self, options: Sequence[Options], steps: int, make: Make) -> Episodes:
        stream = (self.seed, "adaptation", 1, self.numbers[0])
        generator = torch_generator(*stream, device=self.driver.device)
        agent = PlanningAgent(self.driver, self.planner, self.task.objective(), generator)
        resets = [
            Reset(seed_for(self.seed, "adaptation", 0, number) >> 32, each)
            for number, each in zip(self.numbers, options, strict=True)
        ]
        return run_episodes(self.task.env_id, agent, resets, steps, make=make)


def adaptation_episodes(
    task: Task,
    driver: DynamicsGenerator,
    *,
    episodes: int,
    seed: int,
    planner: Planner[Any] | None = None,
    change_step: int = CHANGE_STEP,
    before: int = BEFORE,
    after: int = AFTER,
) -> Episodes:
    """Record episodes whose hidden property changes after `change_step` steps.

    It changes between two values of the training range that are well apart: of the systems evenly
    spaced over that range (`Task.experts`), episode i begins with number i and goes on with the one
    half the list away. What these leave open (the friction of blocks) is drawn from the training
    range. One driver plans all episodes, so that every model is scored on the same steps.

    The ground under a robot cannot change, so on slopes it changes ahead of it: each episode is
    driven twice with the same random numbers, on even slopes to find out how far the robot gets in
    `change_step` steps, and then with the other slope from there on. The change is when the centre
    of mass passes the edge: the feet meet it a little earlier.

    Args:
        task: Environment.
        driver: Its models are planned with.
        episodes: Episodes asked for.
        seed: Seed of systems and plans.
        planner: Plans; random shooting, the paper's, by default.
        change_step: When.
        before: Steps there must be before the change, once the driver's history is full.
        after: Steps there must be from the change on.

    Returns:
        Those episodes that ran to their end and have that many steps on either side of the change.

    Raises:
        InputError: If there is no such episode, or the change leaves no room for one.
    """
    room = (before + driver.history_length, task.episode_steps - after)
    if not room[0] <= change_step <= room[1] or episodes < 1:
        raise InputError(
            f"Got {episodes} episodes with a change after {change_step} steps; ask for at least "
            f"one, and a change after {room[0]} to {room[1]}."
        )
    parts = []
    for first in range(0, episodes, LOCKSTEP):
        numbers = range(first, min(first + LOCKSTEP, episodes))
        drive = _Drive(task, driver, planner or RandomShooting(), numbers, seed)
        pairs = [_systems(task, number) for number in numbers]
        if "heights" in task.experts[0].options:
            even = drive([one.options for one, _ in pairs], change_step, make_env)
            lengths = even.states[:, -1, task.progress_column].clamp_min(SHORTEST)
            options = [_ground(one, other) for one, other in pairs]
            make = _segments_of(lengths.tolist())
        else:
            schedules = [{"schedule": {change_step: other.options}} for _, other in pairs]
            options = [one.options | s for (one, _), s in zip(pairs, schedules, strict=True)]
            make = make_env
        parts.append(drive(options, task.episode_steps, make))
    recorded = concatenate(parts)
    changes = change_steps(recorded, task)
    kept = (changes >= room[0]) & (changes <= room[1]) & (recorded.lengths == task.episode_steps)
    if not kept.any():
        raise InputError(
            f"In none of {episodes} episodes of {task.env_id} did the property change after "
            f"{room[0]} to {room[1]} steps; on slopes that takes a driver that gets ahead."
        )
    return recorded[kept.nonzero()[:, 0].tolist()]


def change_steps(episodes: Episodes, task: Task) -> Int[Tensor, " B"]:
    """Steps before the property first changed; -1 where it never did."""
    truths = task.truths(episodes)
    other = (truths != truths[:, :1]).any(-1)
    # It first shows in the state that follows.
    return torch.where(other.any(1), other.long().argmax(1) - 1, -1)


@torch.no_grad()
def adaptation_errors(
    model: DynamicsGenerator,
    episodes: Episodes,
    task: Task,
    *,
    before: int = BEFORE,
    after: int = AFTER,
    batch: int = BATCH,
) -> Float[Tensor, "B T"]:
    """Error of the next change at every step around the change of each episode.

    At each step a model is generated from the last K recorded steps (an oracle is told the truth
    where the step begins) and predicts the step; its error is squared in units of the standard
    deviation of each column's changes over all these episodes, and averaged over columns.

    Args:
        model: Generates.
        episodes: As `adaptation_episodes` gives them.
        task: Where they are from.
        before: Steps before the change: column `before` is the first step under new properties.
        after: Steps from the change on; T is both together.
        batch: Models generated at once; results do not depend on it.

    Raises:
        InputError: If an episode lacks steps on either side of its change.
    """
    K, changes = model.history_length, change_steps(episodes, task)
    if int(changes.min()) < before + K or int((episodes.lengths - changes).min()) < after:
        raise InputError(
            f"Changes come after {changes.tolist()} of {episodes.lengths.tolist()} steps; each "
            f"needs {before} + {K} steps before it and {after} after it."
        )
    scale = change_scale(episodes)
    truths = task.truths(episodes) if model.oracle else None
    steps = (changes[:, None] + torch.arange(-before, after)).flatten()
    rows = torch.arange(len(episodes)).repeat_interleave(before + after)
    errors = []
    for row, step in zip(rows.split(batch), steps.split(batch), strict=True):
        past = (row[:, None], step[:, None] + torch.arange(-K, 0))
        history = History(episodes.states[past], episodes.actions[past])
        truth = None if truths is None else truths[row, step]
        dynamics = model.generate(history, truth=truth)
        start, actions = episodes.states[row, step], episodes.actions[row, step]
        reached = dynamics.rollout(start, actions[:, None, None])[:, 0, 1]
        off = (reached - episodes.states[row, step + 1]) / scale
        errors.append(off.square()[:, scale.isfinite()].mean(1))
    return torch.cat(errors).view(len(episodes), before + after)


def _systems(task: Task, number: int) -> tuple[Expert, Expert]:
    """What the episode of a number begins with and goes on with."""
    experts = task.experts
    return experts[number % len(experts)], experts[(number + len(experts) // 2) % len(experts)]


def _ground(one: Expert, other: Expert) -> Options:
    """A first segment of one slope, all others of another."""
    return {"heights": (one.options["heights"][0], *other.options["heights"][1:])}


def _segments_of(lengths: Sequence[float]) -> Make:
    """Makes one environment after another, each with segments of its own length."""
    left: Iterator[float] = iter(lengths)
    return lambda env_id: make_env(env_id, segment_length=next(left))
