"""The cells of the table of proposals: one way of acting, on test specifications."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import InputError
from hyperdyn.generators import load_generator
from hyperdyn.model import generator_folder
from hyperdyn.planners import Planner
from hyperdyn.planners.budget import candidates, planner_of
from hyperdyn.policies import load_policy_generator
from hyperdyn.policies.generator import policy_folder
from hyperdyn.training.cells import Cell
from hyperdyn.training.demonstrations.experts import Expert
from hyperdyn.training.demonstrations.recording import make_envs, run_expert
from hyperdyn.training.policies.evaluation import generate
from hyperdyn.training.policies.planning import (
    Advice,
    ModelPlanning,
    PolicyActs,
    TruePlanning,
    sabotaged,
)
from hyperdyn.training.policies.reference import Reference, read_reference
from hyperdyn.training.seeds import seed_for, torch_generator

TRUE, GENERATED = "true", "generated"
SAMPLING, PROPOSAL, SABOTAGED, ALONE = "sampling", "proposal", "sabotaged", "alone"
ROUNDS = 2
"""Rounds of candidates a plan: more would leave too few in each where there are few in all."""


@dataclass(frozen=True, kw_only=True)
class PlanSetting:
    """How proposals are measured.

    Raises:
        UnknownNameError: If there is no such planner.
        InputError: If a number is out of range, or a planner cannot do with so few candidates.
    """

    planner: str = "icem"
    """One of `hyperdyn.planners.budget.ALL_PLANNERS`."""
    candidates: tuple[int, ...] = (8, 16, 32, 64, 128)
    """Sequences rolled out a plan, of all rounds together, ascending."""
    horizon: int = 20
    """Steps planned ahead."""
    share: float = 0.25
    """The policy's share of the first round; at least one candidate."""
    std: float = 0.1
    """Deviation of the noise about the policy, in half ranges of the action."""
    specifications: int | None = None
    """Test specifications, evenly spaced, at most; None: all that were demonstrated."""
    steps: int = 1000
    """Of an episode."""

    def __post_init__(self) -> None:
        """Check numbers, and that planners keep to them."""
        if not self.candidates or list(self.candidates) != sorted(set(self.candidates)):
            raise InputError(f"Numbers of candidates ascend; got {list(self.candidates)}.")
        some = 1 if self.specifications is None else self.specifications
        if min(self.steps, self.horizon, some) < 1:
            raise InputError(f"Steps, horizon and specifications are at least 1; got {self}.")
        if not 0 < self.share <= 1 or not 0 <= self.std < float("inf"):
            raise InputError(
                f"A share is above 0 and at most 1, noise not negative; got {self.share} and "
                f"{self.std}."
            )
        for number in self.candidates:
            taken = candidates(self.planner_of(number))
            if taken > number:
                raise InputError(
                    f"{self.planner} rolls out {taken} candidates at least; got {number}."
                )

    def planner_of(self, number: int) -> Planner[Any]:
        """The planner with so many candidates."""
        return planner_of(self.planner, number, self.horizon, rounds=ROUNDS)


@dataclass(frozen=True, kw_only=True)
class Planned(Cell):
    """Returns of one way of acting; every way meets the same beginnings."""

    places: ClassVar[tuple[str, ...]] = ("run", "source", "model")

    run: str
    """Run folder of the policy generator; empty for sampling alone, which is everybody's."""
    source: str
    """Folder of the demonstrations, or of their reference."""
    demonstrations: str
    """Digest of them."""
    split: int
    task: str
    act: str
    """How: `SAMPLING`, `PROPOSAL`, `SABOTAGED` or `ALONE`."""
    over: str = ""
    """What is planned over: `TRUE` or `GENERATED` dynamics; empty for a policy alone."""
    model: str = ""
    """Folder of the dynamics generator, if any."""
    planner: str = ""
    candidates: int = 0
    horizon: int = 0
    share: float = 0.0
    std: float = 0.0
    specifications: int | None
    episodes: int
    """Of each specification."""
    steps: int
    seed: int

    @property
    def name(self) -> str:
        """Who, over what, how."""
        common = f"{self.task}-{self.split}-{self.demonstrations}"
        who = Path(self.run).name if self.run else common
        how = [self.over, self.planner, str(self.candidates)] if self.over else []
        return ".".join([who, *how, self.act])

    @property
    def weights(self) -> dict[str, Path]:
        """Of the policy and the dynamics."""
        found = {"policy": policy_folder(self.run)} if self.run else {}
        return found | ({"dynamics": generator_folder(self.model)} if self.model else {})

    def work_out(self) -> dict[str, Any]:
        """One list a specification; the expert's of as many steps, and what it cost."""
        source = read_reference(self.source)
        rows = spread(source.split(self.split)[1], self.specifications)
        grid, values = GRIDS[self.task], source.specifications[list(rows)]
        count = len(rows) * self.episodes
        options = [
            dict(zip(grid.names, value.tolist(), strict=True))
            for value in values
            for _ in range(self.episodes)
        ]
        seeds = [
            seed_for(self.seed, "evaluate", source.ids[row], episode)
            for row in rows
            for episode in range(self.episodes)
        ]
        envs = make_envs(grid, count)
        generator = torch_generator(self.seed, "plan", self.split)
        found = run_expert(envs, seeds, options, self.steps, self._expert(source, rows), generator)
        for env in envs:
            env.close()
        gained = [0.0 if episode is None else float(episode["rewards"].sum()) for episode in found]
        shown = source.rewards[list(rows), :, : self.steps].double().sum(2)
        return {
            "specifications": values.tolist(),
            "returns": np.reshape(gained, (len(rows), self.episodes)).tolist(),
            "expert": shown.tolist(),
            "diverged": sum(episode is None for episode in found),
        }

    def _expert(self, source: Reference, rows: Sequence[int]) -> Expert:
        advice = None
        if self.run:
            each = generate(load_policy_generator(self.run), source, rows)
            policy = each[torch.arange(len(rows)).repeat_interleave(self.episodes)]
            policy = sabotaged(policy) if self.act == SABOTAGED else policy
            if self.act == ALONE:
                return PolicyActs(policy)
            advice = Advice(policy, self.share, self.std)
        planner = planner_of(self.planner, self.candidates, self.horizon, rounds=ROUNDS)
        if self.over == TRUE:
            return TruePlanning(planner, advice)
        return ModelPlanning(load_generator(self.model), planner, advice)


def spread(rows: Sequence[int], count: int | None) -> tuple[int, ...]:
    """At most so many of the rows, evenly spaced, the first and the last among them; None: all.

    Raises:
        InputError: If there are none.
    """
    if not rows:
        raise InputError(
            "None of the split's test specifications is demonstrated; demonstrate some, or leave "
            "proposals out with --tables."
        )
    number = len(rows) if count is None else min(count, len(rows))
    return tuple(rows[int(place)] for place in np.linspace(0, len(rows) - 1, number).round())
