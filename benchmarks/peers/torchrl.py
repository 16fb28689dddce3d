"""TorchRL's planners CEMPlanner and MPPIPlanner over a ModelBasedEnvBase."""

from typing import Any

import torch
from tensordict import TensorDict, TensorDictBase
from tensordict.nn import TensorDictModule
from torch import Tensor, nn
from torchrl.data import Bounded, Composite, Unbounded
from torchrl.envs import ModelBasedEnvBase
from torchrl.modules import CEMPlanner, MPPIPlanner

from hyperdyn.benchmarks.peers import ModelMaker, Peer
from hyperdyn.benchmarks.problems import CONTROL, Problem
from hyperdyn.benchmarks.settings import Budget

TEMPERATURE = 0.01  # it multiplies returns with this, and takes the exponential as it stands


class World(nn.Module):
    """Next state and reward of a step, in one module."""

    def __init__(self, problem: Problem, make_model: ModelMaker) -> None:
        super().__init__()
        self.model = make_model(problem)
        self.reward = problem.reward

    def forward(self, states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """States [E, N, S] and actions [E, N, A] to next states and rewards [E, N, 1]."""
        following = self.model.step(states, actions)
        control = CONTROL * actions.square().sum(dim=-1)
        return following, (self.reward.of_states(states, following) - control)[..., None]


class Env(ModelBasedEnvBase):  # type: ignore[misc]  # it comes without types
    """The generated models as its environments."""

    def __init__(self, problem: Problem, make_model: ModelMaker) -> None:
        module = TensorDictModule(
            World(problem, make_model),
            in_keys=["observation", "action"],
            out_keys=["observation", "reward"],
        )
        super().__init__(module, device=problem.device)
        state = Unbounded((problem.workload.state,), device=problem.device)
        self.observation_spec = Composite(observation=state)
        self.state_spec = Composite(observation=state.clone())
        shape = (problem.workload.action,)
        self.action_spec = Bounded(-1.0, 1.0, shape=shape, device=problem.device)
        self.reward_spec = Unbounded((1,), device=problem.device)

    def _reset(self, tensordict: TensorDictBase | None = None, **kwargs: Any) -> TensorDictBase:
        raise NotImplementedError("Plans start from a given state.")


class Sum(nn.Module):
    """The return of each trajectory, where MPPIPlanner looks for its advantage."""

    def forward(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Add rewards [E, N, H, 1] up over time."""
        rewards: Tensor = tensordict["next", "reward"]
        total = rewards.sum(dim=-2, keepdim=True)
        return tensordict.set("advantage", total.expand_as(rewards))


class Given:
    """A policy that plays given actions [E, N, H, A]."""

    def __init__(self, actions: Tensor) -> None:
        self.steps = iter(actions.unbind(dim=-2))

    def __call__(self, tensordict: TensorDictBase) -> TensorDictBase:
        """Write the next action."""
        return tensordict.set("action", next(self.steps))


def build(problem: Problem, budget: Budget, make_model: ModelMaker) -> Peer:
    """Make its planners; they have no warm start."""
    env, workload = Env(problem, make_model), problem.workload
    sizes = {
        "planning_horizon": workload.horizon,
        "optim_steps": budget.iterations,
        "num_candidates": workload.candidates,
        "top_k": budget.elites(workload),
    }
    cem = CEMPlanner(env, **sizes)
    mppi = MPPIPlanner(env, Sum(), temperature=TEMPERATURE, **sizes)

    def start(shape: tuple[int, ...], states: Tensor) -> TensorDictBase:
        flags = torch.zeros(*shape, 1, dtype=torch.bool, device=problem.device)
        values = {"observation": states, "done": flags, "terminated": flags.clone()}
        return TensorDict(values, batch_size=shape, device=problem.device)

    now = start((workload.systems,), problem.states)

    def returns(actions: Tensor) -> Tensor:
        E, N, H, _ = actions.shape
        states = problem.states[:, None].expand(-1, N, -1).clone()
        trajectories = env.rollout(
            H, Given(actions), auto_reset=False, tensordict=start((E, N), states)
        )
        total: Tensor = trajectories["next", "reward"].sum(dim=(-2, -1))
        return total

    return Peer({"cem": lambda: cem(now.clone()), "mppi": lambda: mppi(now.clone())}, returns)
