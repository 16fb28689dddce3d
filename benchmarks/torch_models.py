"""The generated model as the peers get it, in plain torch."""

from collections.abc import Callable
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hyperdyn.benchmarks.problems import CONTROL, Problem
from hyperdyn.benchmarks.torch_rollout import TorchRollout, fastest
from hyperdyn.networks import apply_layers


class TorchModel(Protocol):
    """What a peer needs of a model, according to how it rolls out."""

    def returns(self, actions: Float[Tensor, "E N H A"]) -> Float[Tensor, "E N"]:
        """Return of each candidate."""

    def step(
        self, states: Float[Tensor, "*rows S"], actions: Float[Tensor, "*rows A"]
    ) -> Float[Tensor, "*rows S"]:
        """Next states; rows are N, E·N (system after system) or E × N."""


class PreallocatedModel:
    """Nothing is allocated but what is returned: a peer is slower than this by its own doing."""

    def __init__(self, problem: Problem) -> None:
        self.returns = fastest(problem).returns
        self.step = TorchRollout(problem, features_first=False).step


class EagerModel:
    """What a user writes at first: concatenate, apply the layers, add."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.spec = problem.dynamics.spec
        self.layers = problem.dynamics.parameters_by_layer

    def step(
        self, states: Float[Tensor, "*rows S"], actions: Float[Tensor, "*rows A"]
    ) -> Float[Tensor, "*rows S"]:
        """Next states."""
        inputs = torch.cat([states, actions], dim=-1)
        if self.problem.workload.systems > 1:
            rows = inputs.reshape(self.problem.workload.systems, -1, inputs.shape[-1])
            return states + apply_layers(self.spec, self.layers, rows).view_as(states)
        for index, (weight, bias) in enumerate(self.layers):
            inputs = functional.linear(inputs, weight[0], bias[0])
            if index < len(self.layers) - 1:
                inputs = torch.relu(inputs)
        return states + inputs

    def returns(self, actions: Float[Tensor, "E N H A"]) -> Float[Tensor, "E N"]:
        """Return of each candidate."""
        reward = self.problem.reward
        start = self.problem.states[:, None].expand(-1, actions.shape[1], -1)
        states = start
        total = -CONTROL * actions.square().sum(dim=(-2, -1))
        for step in actions.unbind(dim=2):
            states = self.step(states, step)
            if not reward.telescopes:
                total = total + reward.of_states(start, states)
        return total + reward.of_states(start, states) if reward.telescopes else total


MODELS: dict[str, Callable[[Problem], TorchModel]] = {
    "preallocated": PreallocatedModel,
    "eager": EagerModel,
}
