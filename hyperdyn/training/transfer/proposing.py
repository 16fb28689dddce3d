"""Planners over the true simulator that sampled policies propose candidates to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hyperdyn.envs import make
from hyperdyn.envs.meta import FAMILIES
from hyperdyn.envs.meta.true_dynamics import MetaSimulators, MetaView
from hyperdyn.genhyper import HypFormer, load_sampler
from hyperdyn.planners import MPC, Mixture, PolicyProposal, Share
from hyperdyn.planners.budget import planner_of
from hyperdyn.policies import ObservingPolicy
from hyperdyn.policies.generator import policy_folder
from hyperdyn.training.cells import Cell
from hyperdyn.training.seeds import seed_for, torch_generator
from hyperdyn.training.tuning.starts import conditions_of


@dataclass(frozen=True, kw_only=True)
class Helped(Cell):
    """Returns of planning in the test tasks, part of the first round's candidates policies'.

    The policies together have one share of the candidates, however many they are, and all plans
    have equally many candidates.
    """

    places: ClassVar[tuple[str, ...]] = ("run",)

    run: str
    """Of the sampler; empty for a planner without help."""
    family: str
    planner: str
    """A name in `hyperdyn.planners.budget.PLANNERS`."""
    raw: int
    """Samples that propose, as they were drawn."""
    refined: int
    """Policies that propose, each made of several samples by a HypFormer."""
    samples: int
    """Candidates of a plan, all rounds together."""
    horizon: int
    """Steps planned ahead."""
    share: float
    """Of the policies together in the first round."""
    episodes: int
    """Of each test task."""
    seed: int

    @property
    def name(self) -> str:
        """By the family, the planner and who helps."""
        helpers = f"{self.raw}-{self.refined}"
        return f"{self.family}.{self.planner}.{helpers}.{Path(self.run).name or 'alone'}"

    @property
    def weights(self) -> dict[str, Path]:
        """The sampler."""
        return {"model": policy_folder(self.run)} if self.run else {}

    def work_out(self) -> dict[str, Any]:
        """Returns, a list a test task."""
        returns = np.stack([self._play(number) for number in range(self.episodes)], axis=1)
        return {"returns": returns.tolist()}

    def _play(self, number: int) -> np.ndarray:
        of = FAMILIES[self.family]
        made = [make(of.env_id) for _ in of.test]
        assert made[0].spec is not None
        envs: list[Any] = [env.unwrapped for env in made]
        for env, task in zip(envs, of.test, strict=True):
            env.reset(seed=seed_for(self.seed, "evaluate", task, number), options={"task": task})
        simulators = MetaSimulators(envs)
        controller = MPC(
            planner_of(self.planner, self.samples, self.horizon),
            simulators.objective,
            self._mixture(simulators.view),
            generator=torch_generator(self.seed, "plan", number),
        )
        returns, running = np.zeros(len(envs)), np.ones(len(envs), dtype=bool)
        for _ in range(int(made[0].spec.max_episode_steps or 0)):
            actions = controller.act(simulators.dynamics, simulators.states()).numpy()
            for index in np.flatnonzero(running):
                _, reward, over, *_ = envs[index].step(actions[index])
                returns[index] += reward
                running[index] = not over
        simulators.dynamics.close()
        for env in made:
            env.close()
        return returns

    def _mixture(self, view: MetaView) -> Mixture | None:
        if not self.run:
            return None
        tasks = FAMILIES[self.family].test
        conditions = conditions_of(self.family, tasks)
        generator = torch_generator(self.seed, "expert")
        sampler = load_sampler(self.run)
        raw = sampler.base if isinstance(sampler, HypFormer) else sampler
        each = self.share / (self.raw + self.refined)
        shares = []
        for what, source, count in (("raw", raw, self.raw), ("refined", sampler, self.refined)):
            if count == 0:
                continue
            drawn = source.sample(conditions, count, generator)
            for index in range(count):
                policy = ObservingPolicy(drawn[index::count], view.observation)
                shares.append(Share(f"{what} {index}", PolicyProposal(policy), each))
        return Mixture(tuple(shares))


def helpers_of(refines: bool, count: int) -> tuple[tuple[int, int], ...]:
    """(raw, refined) policies that are compared: none, one, many; and what refining brings."""
    plain = ((0, 0), (1, 0), (count, 0))
    return (*plain, (0, 1), (count - 1, 1)) if refines else plain
