"""The cells of the tables of policies for goals."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hyperdyn.policies import Writing, load_goal_policy
from hyperdyn.pushing import load_pusher
from hyperdyn.training.cells import Cell
from hyperdyn.training.goals.evaluation import evaluate_goals, to_json
from hyperdyn.training.goals.planned import FewCandidates, plan_trials
from hyperdyn.training.goals.trials import trials_of
from hyperdyn.training.pushing.pusher import ModelPusher


@dataclass(frozen=True, kw_only=True)
class GoalCell(Cell):
    """Trials on one split."""

    split: str
    trials: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Pursuits(GoalCell):
    """Trials of one policy, its weights written in one way."""

    run: str
    """Its folder."""
    writing: Writing

    places: ClassVar[tuple[str, ...]] = ("run",)

    @property
    def name(self) -> str:
        """Run, way of writing, split, seed."""
        return f"{Path(self.run).name}.{self.writing}.{self.split}.{self.seed}"

    @property
    def weights(self) -> dict[str, Path]:
        """The policy's."""
        return {"weights": Path(self.run) / "model"}

    def work_out(self) -> dict[str, Any]:
        """Every trial."""
        model = load_goal_policy(self.run)
        config = trials_of(self.split, self.trials, self.seed)
        return {"trials": to_json(evaluate_goals(model, config, writing=self.writing))}


@dataclass(frozen=True, kw_only=True)
class Planned(GoalCell):
    """Trials of iCEM with few candidates, with a policy among them or without."""

    pusher: str
    """Folder of the pushing model."""
    run: str | None
    """Folder of the policy, if there is one."""
    samples: int
    candidates: str

    places: ClassVar[tuple[str, ...]] = ("pusher", "run")

    @property
    def name(self) -> str:
        """Policy, candidates, split, seed."""
        policy = "alone" if self.run is None else Path(self.run).name
        return f"planned.{policy}.{self.candidates}.{self.samples}.{self.split}.{self.seed}"

    @property
    def weights(self) -> dict[str, Path]:
        """The pushing model's, and the policy's."""
        found = {"pusher": Path(self.pusher)}
        return found if self.run is None else {**found, "policy": Path(self.run) / "model"}

    def work_out(self) -> dict[str, Any]:
        """Every trial."""
        pusher = ModelPusher(load_pusher(self.pusher))
        policy = None if self.run is None else load_goal_policy(self.run)
        few = FewCandidates(samples=self.samples, candidates=self.candidates)
        config = trials_of(self.split, self.trials, self.seed)
        return {"trials": to_json(plan_trials(pusher, few, policy, config))}
