"""Baselines of our own: planners in plain torch, and a rollout given to torch.compile."""

from collections.abc import Callable

import torch
from torch import Tensor

from hyperdyn.benchmarks.problems import CONTROL, Problem
from hyperdyn.benchmarks.settings import Budget
from hyperdyn.benchmarks.timing import Call
from hyperdyn.benchmarks.torch_rollout import fastest
from hyperdyn.networks import apply_layers

Task = dict[str, Call]


def torch_preallocated(problem: Problem, budget: Budget) -> Task:
    """What a careful user writes: no allocation in the loop, and nothing but the algorithm."""
    rollout = fastest(problem)
    generator = torch.Generator(problem.device).manual_seed(0)
    candidates = torch.empty_like(problem.candidates)
    E, _, H, A = candidates.shape
    systems = torch.arange(E, device=problem.device)[:, None]
    plan = torch.zeros(E, H, A, device=problem.device)

    def draw(mean: Tensor, std: Tensor) -> Tensor:
        torch.randn(candidates.shape, generator=generator, out=candidates)
        return candidates.mul_(std[:, None]).add_(mean[:, None]).clamp_(-1, 1)

    def random_shooting() -> Tensor:
        torch.rand(candidates.shape, generator=generator, out=candidates).mul_(2).sub_(1)
        best = rollout.returns(candidates).argmax(dim=1, keepdim=True)
        return candidates[systems, best]

    def cem() -> Tensor:
        mean, std = plan, torch.full_like(plan, 0.5)
        for _ in range(budget.iterations):
            returns = rollout.returns(draw(mean, std))
            best = returns.topk(budget.elites(problem.workload), dim=1, sorted=False).indices
            elites = candidates[systems, best]
            mean, std = elites.mean(dim=1), elites.std(dim=1)
        return mean

    def mppi() -> Tensor:
        mean, std = plan, torch.full_like(plan, 0.5)
        for _ in range(budget.iterations):
            weights = rollout.returns(draw(mean, std)).softmax(dim=1)
            mean = torch.einsum("en,enha->eha", weights, candidates)
        return mean

    return {
        "rollout": lambda: rollout.returns(problem.candidates),
        "random-shooting": random_shooting,
        "cem": cem,
        "mppi": mppi,
    }


def torch_compiled(problem: Problem, budget: Budget) -> Task:
    """A whole rollout with its objective as one function given to torch.compile."""
    spec, layers = problem.dynamics.spec, problem.dynamics.parameters_by_layer
    reward, horizon = problem.reward, problem.workload.horizon

    def returns(layers: list[tuple[Tensor, Tensor]], start: Tensor, actions: Tensor) -> Tensor:
        first = start[:, None].expand(-1, actions.shape[1], -1)
        states = first
        total = -CONTROL * actions.square().sum(dim=(-2, -1))
        for t in range(horizon):
            inputs = torch.cat([states, actions[:, :, t]], dim=-1)
            states = states + apply_layers(spec, layers, inputs)
            if not reward.telescopes:
                total = total + reward.of_states(first, states)
        return total + reward.of_states(first, states) if reward.telescopes else total

    compiled: Callable[..., Tensor] = torch.compile(returns, dynamic=False)
    return {"rollout": lambda: compiled(layers, problem.states, problem.candidates)}


BASELINES: dict[str, Callable[[Problem, Budget], Task]] = {
    "torch": torch_preallocated,
    "torch.compile": torch_compiled,
}
