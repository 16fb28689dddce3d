"""`hyperdyn evaluate`: returns of a generator on one split, with an interval."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from hyperdyn.cli.command import (
    Command,
    EnvId,
    Job,
    Model,
    make_room_for,
    require_positive,
    require_split,
)
from hyperdyn.cli.planners import PlannerChoice, RandomShooting


@dataclass(frozen=True, kw_only=True)
class Evaluate(Command):
    """Plan with a generator on one split of an environment and report the returns.

    Episodes, terrains and plans follow from the seed, so every MODEL meets the same ones. The
    interval is the 95 % bootstrap interval of the interquartile mean. With the word simulator as
    MODEL an oracle plans: with the environments' own simulators, of which nothing is hidden to it.
    """

    model: Model
    """A pretrained name (`hyperdyn info` lists them), a run or model folder, or: simulator."""
    env: EnvId
    """Environment, such as hyperdyn/CheetahSlope-v0."""
    split: str = "seen"
    """Where its hidden properties are drawn from: seen, novel, novel-low or novel-high."""
    episodes: int = 50
    """How many."""
    seed: int = 0
    """Seed of terrains, initial states and plans."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where to write returns, iqm, ci95, plans_per_second and the setting."""
    device: str = "cpu"
    """Where models are generated and planned with: cpu or cuda."""
    planner: PlannerChoice = RandomShooting()  # noqa: RUF009  (frozen)
    """What plans."""

    def prepare(self) -> Job:
        """Check names and numbers, load the model."""
        from hyperdyn.cli.models import load_model
        from hyperdyn.training.evaluation import evaluate
        from hyperdyn.training.tasks import task_for

        require_split(task_for(self.env), self.split)
        require_positive("--episodes", self.episodes)
        planner, proposal = self.planner.build()
        model = load_model(self.model, self.device)
        if self.json is not None:
            make_room_for(self.json)

        def job() -> None:
            result, _ = evaluate(
                model,
                self.env,
                self.split,
                episodes=self.episodes,
                seed=self.seed,
                planner=planner,
                proposal=proposal,
                name=self.model,
            )
            low, high = result.ci95
            print(
                f"{self.model} on {self.env} {self.split}, {self.episodes} episodes: return "
                f"{result.iqm:.1f} (interquartile mean, 95 % [{low:.1f}, {high:.1f}]), "
                f"{result.plans_per_second or 0:.0f} plans/s"
            )
            if self.json is not None:
                result.write(self.json)
                print(f"Wrote {self.json}")

        return job
