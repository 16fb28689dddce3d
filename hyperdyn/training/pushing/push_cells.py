"""The cells of the pushing tables."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hyperdyn.pushing import load_pusher
from hyperdyn.training.cells import Cell
from hyperdyn.training.pushing.crops import Cut, cache_crops
from hyperdyn.training.pushing.dataset import PushingDataset
from hyperdyn.training.pushing.push_data import PushData
from hyperdyn.training.pushing.push_errors import push_errors
from hyperdyn.training.pushing.pusher import EnsemblePusher, ModelPusher
from hyperdyn.training.pushing.trial_configs import TrialConfig
from hyperdyn.training.pushing.trials import run_trials


@dataclass(frozen=True, kw_only=True)
class PushCell(Cell):
    """About one model on one split."""

    model: str
    """Its folder, or a packaged name's."""
    split: str

    @property
    def weights(self) -> dict[str, Path]:
        """The model's."""
        return {"weights": Path(self.model)}


@dataclass(frozen=True, kw_only=True)
class Errors(PushCell):
    """Prediction errors of one model on one collection (tables 1 and 4)."""

    data: str
    """Folder of the test collection."""
    crops: str
    """Folder of its crops."""
    exact: bool = False
    """Whether shape codes are worked out anew at every push."""

    @property
    def name(self) -> str:
        """Model, split, way of generating, crops."""
        way = "exact" if self.exact else "ring"
        return f"{Path(self.model).name}.{self.split}.errors.{way}.{Path(self.crops).name}"

    def work_out(self) -> dict[str, Any]:
        """Errors of every episode, cm."""
        dataset = PushingDataset(self.data)
        data = PushData.read(dataset, Path(self.crops), dataset.shards)
        errors = push_errors(
            load_pusher(Path(self.model)), data, known=self.split == "seen", exact=self.exact
        )
        return {"t1": errors.one_step.tolist(), "t5": errors.unrolled.tolist()}


@dataclass(frozen=True, kw_only=True)
class Trials(PushCell):
    """Trials of one model at one task on one split (table 2)."""

    task: str
    preset: str
    trials: int
    seed: int
    others: tuple[str, ...] = ()
    """Folders of the models that are planned with beside it."""

    @property
    def weights(self) -> dict[str, Path]:
        """All models'."""
        return super().weights | {f"weights-{folder}": Path(folder) for folder in self.others}

    @property
    def name(self) -> str:
        """Model, split, task, way of planning."""
        return f"{Path(self.model).name}.{self.split}.{self.task}.{self.preset}"

    def work_out(self) -> dict[str, Any]:
        """The result of every trial."""
        config = TrialConfig(
            task=self.task,
            split=self.split,
            preset=self.preset,
            trials=self.trials,
            seed=self.seed,
        )
        members = [ModelPusher(load_pusher(Path(it))) for it in (self.model, *self.others)]
        results = run_trials(EnsemblePusher(members) if self.others else members[0], config)
        return {"trials": [asdict(result) for result in results]}


def prepare_crops(model: Path, dataset: PushingDataset, cuts: Mapping[Path, Cut]) -> None:
    """Cut the crops of a test collection, with the map and detector that a study's models share."""
    cache_crops(load_pusher(model).visual, dataset, cuts)
