"""Demonstrations: the planner pushes seen objects home, and every moment is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hyperdyn.envs.pushing import PushEnv
from hyperdyn.errors import InputError, require_known
from hyperdyn.pushing import load_pusher
from hyperdyn.storage import is_written, write_folder
from hyperdyn.training.goals.views import picture
from hyperdyn.training.processes import processes
from hyperdyn.training.pushing.planning import ALONE
from hyperdyn.training.pushing.pusher import ModelPusher, Pusher
from hyperdyn.training.pushing.trial_configs import TrialConfig
from hyperdyn.training.pushing.trials import Scene, Step, Watcher, run_trial
from hyperdyn.training.run_folder import RUN_FILE, open_run

KIND = "goal-demonstration"
_AT_ONCE = 8
"""Trials of one call of a worker."""


@dataclass(frozen=True, kw_only=True)
class GoalCollection:
    """Trials on a free table with objects of the training split.

    Raises:
        InputError: If there are no trials, or the seed is negative.
        UnknownNameError: If there is no such way of planning.
    """

    trials: int
    """How many; those that do not end at the goal are written, and learned from by nobody."""
    seed: int = 0
    """Of every random number."""
    model: str = "push"
    """The pushing model that is planned with: packaged, or a folder."""
    preset: str = "icem"
    """How: a name of `hyperdyn.training.pushing.planning.ALONE`."""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        require_known("way of planning pushes with one model", self.preset, ALONE)
        if self.trials < 1 or self.seed < 0:
            raise InputError(
                "Trials must be at least 1 and the seed at least 0; got "
                f"{self.trials} and {self.seed}."
            )

    @property
    def tried(self) -> TrialConfig:
        """The trials; their seed is not one of evaluations."""
        return TrialConfig(
            task="free",
            split="seen",
            preset=self.preset,
            trials=self.trials,
            seed=self.seed + DEMONSTRATION_SEEDS,
        )


DEMONSTRATION_SEEDS = 1_000_000
"""Added to the seeds of demonstrations, so that no evaluation repeats one."""


class Recorder(Watcher):
    """Keeps the states, the pushes and the pictures of a trial."""

    def __init__(self) -> None:
        self._env: PushEnv | None = None
        self.states: list[Tensor] = []
        self.actions: list[Tensor] = []
        self.pictures: list[Tensor] = []

    def begins(self, scene: Scene) -> None:
        """Keep the first moment."""
        self._env = scene.env
        self._keep(scene.state)

    def pushed(self, step: Step) -> None:
        """Keep a push, as long as the environment made it, and the moment after."""
        action = step.action[0]
        self.actions.append(action / action[:2].norm().clamp(min=1.0))
        self._keep(step.state)

    def _keep(self, state: Tensor) -> None:
        assert self._env is not None  # a trial begins before it is pushed
        self.states.append(state[0])
        self.pictures.append(picture(self._env))


def trial_folder(out: Path, number: int) -> Path:
    """Where a trial stands."""
    return out / "trials" / f"{number:05d}"


def record(pusher: Pusher, config: GoalCollection, out: Path, number: int) -> None:
    """Make a trial and write it.

    Args:
        pusher: Sees and predicts.
        config: The collection.
        out: Its folder.
        number: Which trial.

    Raises:
        CheckpointError: If it cannot be written.
    """
    recorder = Recorder()
    result = run_trial(pusher, config.tried, number, watcher=recorder)
    about = {"object": result.object, "success": result.success, "ending": result.ending}
    tensors: dict[str, Tensor] = {}
    if recorder.actions:
        tensors = {
            "states": torch.stack(recorder.states),
            "actions": torch.stack(recorder.actions),
            "pictures": torch.stack(recorder.pictures),
        }
    write_folder(trial_folder(out, number), KIND, about, tensors)


def collect_goals(
    config: GoalCollection,
    out: Path,
    *,
    workers: int = 1,
    on_trials: Callable[[int], object] = lambda count: None,
) -> None:
    """Make the trials of a collection that are still missing.

    A trial depends on its number alone, so the same command goes on, with any number of workers.

    Args:
        config: What is collected.
        out: Folder: new, or that of this collection.
        workers: Processes.
        on_trials: Told how many trials were made.

    Raises:
        CheckpointError: If the folder holds something else, or cannot be written.
    """
    open_run(config, out, resume=(out / RUN_FILE).exists())
    missing = [n for n in range(config.trials) if not is_written(trial_folder(out, n))]
    on_trials(config.trials - len(missing))
    parts = [missing[place : place + _AT_ONCE] for place in range(0, len(missing), _AT_ONCE)]
    if not parts:
        return
    with processes(workers) as pool:
        for made in pool.map(_record_some, *zip(*[(config, out, p) for p in parts], strict=True)):
            on_trials(made)


def _record_some(config: GoalCollection, out: Path, numbers: list[int]) -> int:
    pusher = ModelPusher(load_pusher(config.model))
    for number in numbers:
        record(pusher, config, out, number)
    return len(numbers)
