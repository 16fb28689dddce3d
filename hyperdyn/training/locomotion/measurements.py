"""The cells of the locomotion tables."""

import abc
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from hyperdyn.errors import InputError
from hyperdyn.generators import load_generator
from hyperdyn.model import DynamicsGenerator
from hyperdyn.planners.budget import RANDOM, planner_of
from hyperdyn.training.cells import Cell
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.evaluation import evaluate, resets_for
from hyperdyn.training.locomotion.adaptation import adaptation_episodes, adaptation_errors
from hyperdyn.training.locomotion.codes import codes_over_episodes
from hyperdyn.training.locomotion.promises import promises
from hyperdyn.training.locomotion.runs import Run
from hyperdyn.training.prediction import (
    change_scale,
    collect_fixed,
    fixed_windows,
    prediction_error,
)
from hyperdyn.training.presets import ROADS
from hyperdyn.training.tasks import Task, task_for


@dataclass(frozen=True, kw_only=True)
class Measurement(Cell):
    """About one run on one split."""

    places: ClassVar[tuple[str, ...]] = ("study", "data")

    study: str
    """Folder of the runs."""
    run: Run
    split: str
    samples: int
    """Candidates a step."""
    horizon: int
    """Steps planned ahead."""
    episodes: int
    seed: int
    """Of systems and plans."""
    device: str = "cpu"
    """Where plans are made; another has other random numbers."""

    @property
    def task(self) -> Task:
        """Its environment."""
        return task_for(ROADS[self.run.task])

    @property
    def weights(self) -> dict[str, Path]:
        """The run's model."""
        return {"weights": self._model(self.run)}

    @property
    def planning_model(self) -> DynamicsGenerator:
        """The run's generator, where plans are made."""
        return load_generator(self._model(self.run)).to(self.device)

    def _model(self, run: Run) -> Path:
        return Path(self.study) / run.name / "model"


@dataclass(frozen=True, kw_only=True)
class Returns(Measurement):
    """Returns of planning with a model."""

    planner: str = RANDOM
    """One of `hyperdyn.planners.budget.ALL_PLANNERS`."""

    @property
    def name(self) -> str:
        """Run, split and planner."""
        return f"{self.run.name}.{self.split}.returns.{self.planner}"

    def work_out(self) -> dict[str, Any]:
        """Return of every episode, and the true properties met in it, means over its steps."""
        summary, recorded = evaluate(
            self.planning_model,
            self.task.env_id,
            self.split,
            episodes=self.episodes,
            seed=self.seed,
            planner=planner_of(self.planner, self.samples, self.horizon),
            name=self.run.name,
            progress=False,
        )
        return {
            "returns": list(summary.returns),
            "properties": self.task.truths(recorded).mean(1).tolist(),
            "diverged": summary.diverged,
            "statuses": summary.statuses,
            "plans_per_second": summary.plans_per_second,
        }


@dataclass(frozen=True, kw_only=True)
class Drive(Measurement, abc.ABC):
    """Episodes that a model drives, for others to be measured on."""

    data: str
    """Folder of the episodes of all drives."""

    kind: ClassVar[str]
    """What happens in them."""

    @property
    def name(self) -> str:
        """Run, split and kind."""
        return f"{self.run.name}.{self.split}.{self.kind}"

    @property
    def products(self) -> tuple[Path, ...]:
        """The episodes."""
        return (drive_folder(self.data, self.kind, self.run, self.split),)

    @abc.abstractmethod
    def drive(self) -> Episodes:
        """Record them.

        Raises:
            InputError: If no episode came out as it should.
        """

    def work_out(self) -> dict[str, Any]:
        """Record and keep the episodes; the numbers are their returns, or "why" there are none."""
        try:
            recorded = self.drive()
        except InputError as error:
            _no_episodes(self.task).save(self.products[0])
            return {"returns": [], "why": str(error)}
        recorded.save(self.products[0])
        return {"returns": recorded.returns.tolist()}


@dataclass(frozen=True, kw_only=True)
class Fixed(Drive):
    """The fixed data set of table 6."""

    kind = "fixed"

    def drive(self) -> Episodes:
        """Plan through systems of the split."""
        return collect_fixed(
            self.task,
            [self.planning_model],
            self.split,
            episodes=self.episodes,
            seed=self.seed,
            planner=planner_of(RANDOM, self.samples, self.horizon),
        )


@dataclass(frozen=True, kw_only=True)
class Changing(Drive):
    """Episodes in which the hidden property changes."""

    kind = "changing"

    def drive(self) -> Episodes:
        """Plan through changing systems; the episodes that can be scored."""
        return adaptation_episodes(
            self.task,
            self.planning_model,
            episodes=self.episodes,
            seed=self.seed,
            planner=planner_of(RANDOM, self.samples, self.horizon),
        )


def drive_folder(data: str, kind: str, driver: Run, split: str) -> Path:
    """Where the episodes of a drive are kept."""
    return Path(data) / f"{driver.name}-{split}-{kind}"


@dataclass(frozen=True, kw_only=True)
class OnRecorded(Measurement):
    """About a run on recorded episodes."""

    driver: Run
    """Who drove."""
    data: str
    """As of `Drive`."""

    @property
    def weights(self) -> dict[str, Path]:
        """The models that are measured and that drove."""
        return {**super().weights, "driver_weights": self._model(self.driver)}

    def recorded(self, drive: type[Drive], split: str) -> Episodes:
        """The episodes of a drive on a split."""
        return Episodes.load(drive_folder(self.data, drive.kind, self.driver, split))


@dataclass(frozen=True, kw_only=True)
class Errors(OnRecorded):
    """Prediction errors on the fixed data set."""

    @property
    def name(self) -> str:
        """Run and split."""
        return f"{self.run.name}.{self.split}.errors"

    def work_out(self) -> dict[str, Any]:
        """Errors of every episode.

        "mse": of the next state, mean over its columns in SI units, squared. "one_step": the same
        with each column in units of the spread of its changes on the seen part. "open_loop":
        distance travelled in `horizon` steps, m.
        """
        model, task = load_generator(self._model(self.run)), self.task
        episodes = self.recorded(Fixed, self.split)
        windows = fixed_windows(episodes, model.history_length, self.horizon, task)
        scale = change_scale(self.recorded(Fixed, task.splits[0]))
        column = task.progress_column
        scaled = prediction_error(model, windows, scale, column)
        plain = prediction_error(model, windows, torch.ones_like(scale), column)
        return {
            "mse": plain.one_step.tolist(),
            "one_step": scaled.one_step.tolist(),
            "open_loop": scaled.open_loop.tolist(),
        }


@dataclass(frozen=True, kw_only=True)
class Promised(OnRecorded):
    """What a model's plans promise and attain on the fixed data set."""

    @property
    def name(self) -> str:
        """Run and split."""
        return f"{self.run.name}.{self.split}.promises"

    def work_out(self) -> dict[str, Any]:
        """Of every episode the fields of `Promises`."""
        found = promises(
            load_generator(self._model(self.run)),
            self.recorded(Fixed, self.split),
            resets_for(self.task, self.split, self.episodes, self.seed),
            self.task,
            planner=planner_of(RANDOM, self.samples, self.horizon),
            seed=self.seed,
        )
        return {name: values.tolist() for name, values in vars(found).items()}


@dataclass(frozen=True, kw_only=True)
class Codes(OnRecorded):
    """What the code of a generator says of the true property along recorded episodes."""

    @property
    def name(self) -> str:
        """Run and split."""
        return f"{self.run.name}.{self.split}.codes"

    def work_out(self) -> dict[str, Any]:
        """As `codes_over_episodes`."""
        model = load_generator(self._model(self.run))
        return codes_over_episodes(model, self.recorded(Fixed, self.split), self.task)


@dataclass(frozen=True, kw_only=True)
class Adapting(OnRecorded):
    """Prediction errors around a change of the hidden property."""

    @property
    def name(self) -> str:
        """Run and split."""
        return f"{self.run.name}.{self.split}.adapting"

    def work_out(self) -> dict[str, Any]:
        """Errors of every episode at every step, as `adaptation_errors`."""
        episodes = self.recorded(Changing, self.split)
        if len(episodes) == 0:
            return {"errors": []}
        model = load_generator(self._model(self.run))
        return {"errors": adaptation_errors(model, episodes, self.task).tolist()}


def _no_episodes(task: Task) -> Episodes:
    return Episodes(
        states=torch.zeros(0, 1, task.state_space.dim),
        actions=torch.zeros(0, 0, task.action_dim),
        rewards=torch.zeros(0, 0),
        lengths=torch.zeros(0, dtype=torch.long),
        contexts=(),
    )
