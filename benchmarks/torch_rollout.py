"""The best rollout we know how to write in plain torch, with everything allocated beforehand."""

import time
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.benchmarks.problems import CONTROL, Problem


@dataclass(frozen=True, eq=False)
class Buffers:
    """What a number of candidates needs; without the axis E where there is one system."""

    inputs: Tensor
    """States and actions side by side."""
    hidden: tuple[Tensor, ...]
    """The output of each layer."""


class TorchRollout:
    """Rolls candidates out and adds rewards up, one matrix product a layer and step.

    Args:
        problem: Models and objective.
        features_first: Whether candidates are columns (W x) rather than rows (x Wᵀ); which one is
            faster depends on the sizes.
    """

    def __init__(self, problem: Problem, *, features_first: bool) -> None:
        workload = problem.workload
        self.state, self.reward = workload.state, problem.reward
        self.systems, self.action = workload.systems, workload.action
        self.widths, self.device = workload.network.sizes, problem.device
        self.features_first = features_first
        self.axis = -2 if features_first else -1  # of features
        alone = self.systems == 1
        self.product = torch.addmm if alone else torch.baddbmm
        layers = problem.dynamics.parameters_by_layer
        self.layers: list[tuple[Tensor, Tensor]] = []
        for weight, bias in layers:
            weight, bias = (weight[0], bias[0]) if alone else (weight, bias)
            if not features_first:
                weight = weight.transpose(-1, -2)
            self.layers.append((weight, bias.unsqueeze(-1 if features_first else -2)))
        states = problem.states[0] if alone else problem.states
        self.start = states.unsqueeze(-1 if features_first else -2)
        self._buffers: dict[int, Buffers] = {}

    def returns(self, actions: Float[Tensor, "E N H A"]) -> Float[Tensor, "E N"]:
        """Return of each candidate, in a new tensor."""
        _, N, H, _ = actions.shape
        kept = self._at(N)
        states = kept.inputs.narrow(self.axis, 0, self.state)
        slots = kept.inputs.narrow(self.axis, self.state, self.action)
        each = actions[0] if self.systems == 1 else actions
        steps = each.movedim(-2, 0)
        if self.features_first:
            steps = steps.transpose(-1, -2).contiguous()
        states.copy_(self.start.expand_as(states))
        total: Tensor = torch.linalg.vector_norm(actions.flatten(2), dim=-1)
        total = -CONTROL * total.square()
        for t in range(H):
            slots.copy_(steps[t])
            states.add_(self._change(kept))
            if not self.reward.telescopes:
                total += self._worth(states)
        return total + self._worth(states) if self.reward.telescopes else total

    def step(
        self, states: Float[Tensor, "*rows S"], actions: Float[Tensor, "*rows A"]
    ) -> Float[Tensor, "*rows S"]:
        """Next states, in a new tensor; rows are N, E·N (system after system) or E × N.

        Only where candidates are rows.
        """
        N = states.numel() // (self.systems * self.state)
        kept = self._at(N)
        shape = kept.inputs.shape[:-1]
        kept.inputs[..., : self.state] = states.reshape(*shape, self.state)
        kept.inputs[..., self.state :] = actions.reshape(*shape, self.action)
        return states + self._change(kept).view_as(states)

    def _change(self, kept: Buffers) -> Tensor:
        values = kept.inputs
        for index, ((weight, bias), out) in enumerate(zip(self.layers, kept.hidden, strict=True)):
            left, right = (weight, values) if self.features_first else (values, weight)
            self.product(bias, left, right, out=out)
            values = out if index == len(self.layers) - 1 else out.relu_()
        return values

    def _worth(self, states: Tensor) -> Tensor:
        start = self.start
        if self.features_first:
            states, start = states.transpose(-1, -2), start.transpose(-1, -2)
        return self.reward.of_states(start, states).reshape(self.systems, -1)

    def _at(self, candidates: int) -> Buffers:
        if candidates not in self._buffers:
            lead = () if self.systems == 1 else (self.systems,)
            inputs, *hidden = (
                torch.zeros(
                    *lead,
                    *((width, candidates) if self.features_first else (candidates, width)),
                    device=self.device,
                )
                for width in self.widths
            )
            self._buffers[candidates] = Buffers(inputs, tuple(hidden))
        return self._buffers[candidates]


def fastest(problem: Problem, tries: int = 5) -> TorchRollout:
    """The faster of the two layouts for a problem."""
    best: dict[float, TorchRollout] = {}
    for features_first in (False, True):
        rollout = TorchRollout(problem, features_first=features_first)
        times = []
        for _ in range(tries):
            began = time.perf_counter()
            rollout.returns(problem.candidates)
            if problem.device.type == "cuda":
                torch.cuda.synchronize(problem.device)
            times.append(time.perf_counter() - began)
        best[min(times)] = rollout
    return best[min(best)]
