"""The cells of the study: experts and samples in the test tasks, and planners that are helped."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.meta import FAMILIES
from hyperdyn.genhyper import behaviour_spread, load_sampler
from hyperdyn.policies.generator import policy_folder
from hyperdyn.training.cells import Cell
from hyperdyn.training.experts.rounds import evaluate
from hyperdyn.training.experts.worlds import MetaWorlds
from hyperdyn.training.seeds import seed_for, torch_generator
from hyperdyn.training.transfer.reference import read_reference, weights_of
from hyperdyn.training.tuning.starts import conditions_of

SEEN_EVERY = 4
"""Steps between the states of an episode in which actions are compared."""


@dataclass(frozen=True, kw_only=True)
class ExpertReturns(Cell):
    """Our own experts, on the episodes that samples are measured on."""

    places: ClassVar[tuple[str, ...]] = ("experts",)

    experts: str
    """Folder of them."""
    family: str
    episodes: int
    """Of each test task."""
    seed: int
    """Of the episodes."""

    @property
    def name(self) -> str:
        """By the family."""
        return f"{self.family}.experts"

    @property
    def weights(self) -> dict[str, Path]:
        """The experts of the test tasks."""
        return weights_of(self.experts, self.family)

    def work_out(self) -> dict[str, Any]:
        """Returns, a list a test task."""
        tasks = FAMILIES[self.family].test
        worlds = MetaWorlds(self.family, tasks)
        policies = read_reference(self.experts).policies
        returns = evaluate(worlds, policies, tasks, episodes=self.episodes, seed=self.seed)
        worlds.close()
        return {"returns": returns.tolist()}


@dataclass(frozen=True, kw_only=True)
class Sampled(Cell):
    """Policies that a sampler draws for the test tasks: returns, and how they differ."""

    places: ClassVar[tuple[str, ...]] = ("run", "experts")

    run: str
    """Of the sampler."""
    experts: str
    """Folder of the experts, in whose states actions are compared."""
    family: str
    count: int
    """L, policies of each test task."""
    episodes: int
    """Of each policy."""
    selecting: int
    """Further episodes of each, to choose by."""
    seed: int
    """Of the samples and the episodes."""

    @property
    def name(self) -> str:
        """By the run's folder."""
        return f"{Path(self.run).name}.sampled"

    @property
    def weights(self) -> dict[str, Path]:
        """The sampler, and the experts of the test tasks."""
        return {"model": policy_folder(self.run), **weights_of(self.experts, self.family)}

    def work_out(self) -> dict[str, Any]:
        """Mean returns, [test tasks][L], of the episodes and of those to choose by; the spreads."""
        tasks = FAMILIES[self.family].test
        generator = torch_generator(self.seed, "expert")
        conditions = conditions_of(self.family, tasks)
        policies = load_sampler(self.run).sample(conditions, self.count, generator)
        rows = [task for task in tasks for _ in range(self.count)]
        worlds = MetaWorlds(self.family, rows)
        # Other episodes than those that are reported.
        seeds = {"returns": self.seed, "selection": seed_for(self.seed, "subset")}
        numbers = {"returns": self.episodes, "selection": self.selecting}
        found: dict[str, Any] = {}
        for what, seed in seeds.items():
            returns = evaluate(worlds, policies, rows, episodes=numbers[what], seed=seed)
            found[what] = returns.mean(1).reshape(len(tasks), self.count).tolist()
        worlds.close()
        if self.count > 1:
            seen = self._seen(tasks)
            found["behaviour"] = [
                behaviour_spread(
                    policies[index * self.count : (index + 1) * self.count], self.count, states
                ).item()
                for index, states in enumerate(seen)
            ]
        return found

    def _seen(self, tasks: tuple[int, ...]) -> Float[Tensor, "E N O"]:
        """States that the experts meet in an episode of each task."""
        worlds = MetaWorlds(self.family, tasks)
        policies = read_reference(self.experts).policies
        seed = seed_for(self.seed, "subset")
        starts = [worlds.reset(row, seed) for row in range(len(tasks))]
        states = [torch.as_tensor(np.stack(starts), dtype=torch.float32)]
        for _ in range(worlds.horizon - 1):
            actions = policies.act(states[-1]).double().numpy()
            states.append(torch.as_tensor(worlds.step(actions)[0], dtype=torch.float32))
        worlds.close()
        return torch.stack(states[::SEEN_EVERY], 1)
