"""Running E systems in lockstep: watch, generate, plan, act, for all of them at once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import gymnasium
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs import make as make_env
from hyperdyn.envs.locomotion import LocomotionEnv
from hyperdyn.envs.locomotion.true_dynamics import true_dynamics
from hyperdyn.errors import InputError
from hyperdyn.history import HistoryBuffer
from hyperdyn.model import DynamicsGenerator
from hyperdyn.planners import MPC, Mixture, ObjectiveFunction, Planner, Proposal
from hyperdyn.training.episodes import Episodes, json_context
from hyperdyn.training.suite_states import learnable
from hyperdyn.training.tasks import task_for
from hyperdyn.training.truths import CHANGES

Simulator = Literal["simulator"]
SIMULATOR: Simulator = "simulator"
"""In place of a model: the environments' own simulators."""


@runtime_checkable
class Agent(Protocol):
    """Chooses actions for E systems in lockstep."""

    def reset(self, num_systems: int) -> None:
        """Begin new episodes."""

    def act(self, states: Float[Tensor, "E S"]) -> Float[Tensor, "E A"]:
        """Choose an action for each system."""


class RandomAgent:
    """Uniform actions in [-1, 1]."""

    def __init__(self, action_dim: int, generator: torch.Generator) -> None:
        self.action_dim = action_dim
        self.generator = generator

    def reset(self, num_systems: int) -> None:
        """Nothing to forget."""

    def act(self, states: Float[Tensor, "E S"]) -> Float[Tensor, "E A"]:
        """Draw actions, on the generator's device."""
        device = self.generator.device
        shape = (len(states), self.action_dim)
        return torch.rand(shape, generator=self.generator, device=device) * 2 - 1


@dataclass
class PlanningAgent:
    """Plans with models generated from the last K steps; acts at random until K steps are seen.

    A new model is generated at every step and used for the whole horizon (paper, section 3.3). The
    generator of random numbers is on the device of the model, and so is all that is planned with;
    states come from where the environments run, and actions go back there.
    """

    model: DynamicsGenerator
    planner: Planner[Any]
    objective: ObjectiveFunction
    generator: torch.Generator
    proposal: Proposal | Mixture | None = None
    plans: int = 0
    """Plans made so far, one a system and step."""
    plan_seconds: float = 0.0
    """Time spent generating and planning."""

    def reset(self, num_systems: int) -> None:
        """Begin new episodes: forget histories and previous plans."""
        self._random = RandomAgent(self.model.action_dim, self.generator)
        self._buffer = HistoryBuffer(num_systems, self.model.history_length)
        self._truth: Tensor | None = None
        self.controller = MPC(
            self.planner, self.objective, proposal=self.proposal, generator=self.generator
        )

    @property
    def curious(self) -> bool:
        """Whether it must be told the true properties before each step."""
        return self.model.oracle

    def tell(self, truth: Float[Tensor, "E Q"]) -> None:
        """Take in the true properties of the systems where they are now."""
        self._truth = truth.to(self.generator.device)

    def act(self, states: Float[Tensor, "E S"]) -> Float[Tensor, "E A"]:
        """Watch, generate, plan."""
        states = states.to(self.generator.device)
        if self._buffer.full:
            start = time.perf_counter()
            dynamics = self.model.generate(self._buffer.history(), truth=self._truth)
            actions = self.controller.act(dynamics, states)
            chosen = actions.cpu()  # a GPU's plan takes until then
            self.plan_seconds += time.perf_counter() - start
            self.plans += len(states)
        else:
            actions = self._random.act(states)
            chosen = actions.cpu()
        self._buffer.append(states, actions)
        return chosen


@dataclass
class OracleAgent:
    """Plans with the simulators themselves, as no agent could: what a perfect model would bring.

    It alone is handed the environments (`enter`), with all that is hidden in them; where their
    simulators stand follows from the observations. It has nothing to watch for, so it plans from
    the first step on.
    """

    planner: Planner[Any]
    objective: ObjectiveFunction
    generator: torch.Generator
    proposal: Proposal | None = None
    plans: int = 0
    """Plans made so far, one a system and step."""
    plan_seconds: float = 0.0
    """Time spent planning."""

    def reset(self, num_systems: int) -> None:
        """Begin new episodes: forget previous plans."""
        self.controller = MPC(
            self.planner, self.objective, proposal=self.proposal, generator=self.generator
        )

    def enter(self, envs: Sequence["gymnasium.Env[Any, Any]"]) -> None:
        """Take over the simulators of the episodes, as they are now.

        Raises:
            InputError: If the environments' simulators cannot be planned with.
        """
        inner = [env.unwrapped for env in envs]
        known = [env for env in inner if isinstance(env, LocomotionEnv)]
        if len(known) < len(inner):
            raise InputError(
                f"{type(inner[0]).__name__} has no simulator to plan with; {SIMULATOR!r} stands "
                "for that of MuJoCo's locomotion environments. Name a generator."
            )
        self._dynamics = true_dynamics(known, threads=self.planner.threads or 1)

    def act(self, states: Float[Tensor, "E S"]) -> Float[Tensor, "E A"]:
        """Plan."""
        start = time.perf_counter()
        actions = self.controller.act(self._dynamics, states)
        self.plan_seconds += time.perf_counter() - start
        self.plans += len(states)
        return actions


def planning_agent(
    model: DynamicsGenerator | Simulator,
    planner: Planner[Any],
    objective: ObjectiveFunction,
    generator: torch.Generator,
    proposal: Proposal | None = None,
) -> PlanningAgent | OracleAgent:
    """The agent that plans with a generator's models, or with the simulators."""
    if isinstance(model, DynamicsGenerator):
        return PlanningAgent(model, planner, objective, generator, proposal)
    return OracleAgent(planner, objective, generator, proposal)


@dataclass(frozen=True)
class Reset:
    """How one episode begins."""

    seed: int
    options: dict[str, Any]


def run_episodes(
    env_id: str,
    agent: Agent,
    resets: Sequence[Reset],
    steps: int,
    on_step: Callable[[int], object] = lambda systems: None,
    make: Callable[[str], "gymnasium.Env[Any, Any]"] = make_env,
) -> Episodes:
    """Run one episode for each reset, all in lockstep.

    Args:
        env_id: A registered environment.
        agent: Chooses the actions of all systems at once.
        resets: Seed and options of each episode; their number is E.
        steps: Length of an episode.
        on_step: Called after every step with E, for progress.
        make: How an environment is made.

    Returns:
        The recorded episodes. One whose simulation ended early keeps its shorter length. Where the
        properties changed on the way, the context has the later ones under "changes", by the number
        of steps before them.

    Raises:
        UnknownNameError: If the agent is to be told the truth and the environment has no task.
    """
    envs = [learnable(make(env_id)) for _ in resets]
    try:
        starts = [
            env.reset(seed=r.seed, options=r.options) for env, r in zip(envs, resets, strict=True)
        ]
        contexts = [json_context(info["context"]) for _, info in starts]
        current = list(contexts)
        states = [torch.stack([_tensor(observation) for observation, _ in starts])]
        actions: list[Tensor] = []
        rewards = torch.zeros(len(envs), steps)
        lengths = torch.full((len(envs),), steps)
        running = [True] * len(envs)
        agent.reset(len(envs))
        if isinstance(agent, OracleAgent):
            agent.enter(envs)
        for step in range(steps):
            if isinstance(agent, PlanningAgent) and agent.curious:
                agent.tell(task_for(env_id).truth(current, states[-1]))
            chosen = agent.act(states[-1])
            changed = False
            following = states[-1].clone()
            for row, env in enumerate(envs):
                if running[row]:
                    observation, reward, terminated, truncated, info = env.step(chosen[row].numpy())
                    following[row] = _tensor(observation)
                    rewards[row, step] = float(reward)
                    if "context" in info:
                        changed = True
                        current[row] = json_context(info["context"])
                        contexts[row].setdefault(CHANGES, {})[str(step)] = current[row]
                    if terminated or truncated:
                        running[row] = False
                        lengths[row] = step + 1
            states.append(following)
            actions.append(chosen)
            if changed and isinstance(agent, OracleAgent):
                agent.enter(envs)
            on_step(len(envs))
    finally:
        for env in envs:
            env.close()
    return Episodes(
        states=torch.stack(states, dim=1),
        actions=torch.stack(actions, dim=1),
        rewards=rewards,
        lengths=lengths,
        contexts=tuple(contexts),
    )


def _tensor(observation: Any) -> Tensor:
    return torch.as_tensor(observation, dtype=torch.float32)
