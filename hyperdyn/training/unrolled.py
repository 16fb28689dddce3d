"""The error of predictions unrolled open loop, and its gradient with respect to the networks.

Where states add up (`StateSpace.additive`), both are worked out by hand in one pass. Automatic
differentiation would write a gradient of every weight at each unrolled step and add them up; here
each step's inputs and errors are kept, and a layer's gradient is one product over all steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hyperdyn.model import DynamicsGenerator
from hyperdyn.networks import ACTIVATIONS, apply_layers, join_parameters, split_parameters

_aten = torch.ops.aten
DERIVATIVES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "relu": lambda gradient, before, after: _aten.threshold_backward(gradient, after, 0),
    "leaky_relu": lambda gradient, before, after: _aten.leaky_relu_backward(
        gradient, before, 0.01, False
    ),
    "tanh": lambda gradient, before, after: _aten.tanh_backward(gradient, after),
    "silu": lambda gradient, before, after: _aten.silu_backward(gradient, before),
}
"""Of `ACTIVATIONS`: (gradient behind, value before, value behind) -> gradient before."""


@dataclass(frozen=True, kw_only=True)
class Stretches:
    """What E networks predict: of each B stretches of U steps, one after the other, open loop."""

    starts: Float[Tensor, "E B S"]
    """True states they begin in."""
    actions: Float[Tensor, "E B U A"]
    truth: Float[Tensor, "E B U S"]
    """The true state after each action."""
    anchor: Float[Tensor, "E S"]
    """As of `DynamicsGenerator.anchor`."""


def unrolled_loss(
    model: DynamicsGenerator, networks: Float[Tensor, "E P"], stretches: Stretches
) -> Float[Tensor, ""]:
    """Mean squared error of the predicted changes, in units of their standard deviation.

    Args:
        model: Whose statistics and state space count.
        networks: For normalised inputs and outputs.
        stretches: What they predict.

    Returns:
        The loss, a scalar, differentiable once with respect to the networks.
    """
    if not model.state_space.additive:
        return composed_loss(model, networks, stretches)
    loss: Tensor = _AdditiveLoss.apply(networks, model, stretches)  # type: ignore[no-untyped-call]
    return loss


def composed_loss(
    model: DynamicsGenerator, networks: Float[Tensor, "E P"], stretches: Stretches
) -> Float[Tensor, ""]:
    """`unrolled_loss` by automatic differentiation, step by step, in any state space."""
    space, stats, spec = model.state_space, model.normaliser, model.config.network
    # Split once for all steps: the gradient of a split writes all P numbers.
    layers = split_parameters(spec, networks)
    states, steps = stretches.starts, stretches.actions.shape[2]
    loss = states.new_zeros(())
    for step in range(steps):
        inputs = model.network_inputs(states, stretches.actions[:, :, step], stretches.anchor)
        predicted = apply_layers(spec, layers, inputs)
        wanted = model.normalised_changes(states, stretches.truth[:, :, step])
        loss = loss + (predicted - wanted).square().mean()
        states = space.compose(states, predicted * stats.change_std + stats.change_mean)
    return loss / steps


class _AdditiveLoss(torch.autograd.Function):
    """The loss, and its gradient from what was kept of each step."""

    @staticmethod
    def forward(
        ctx: Any, networks: Tensor, model: DynamicsGenerator, stretches: Stretches
    ) -> Tensor:
        layers = split_parameters(model.config.network, networks)
        missed, steps = _predict(model, layers, stretches)
        ctx.save_for_backward(networks)
        ctx.kept = (model, missed, steps)
        return missed.square().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (networks,), (model, missed, steps) = ctx.saved_tensors, ctx.kept
        layers = split_parameters(model.config.network, networks)
        # Scaled here, where numbers are few: there are P for each network in the end.
        return _gradient(model, layers, missed * gradient, steps), None, None


@dataclass(frozen=True)
class _Step:
    """What every layer took in one step, and what it gave before its activation."""

    inputs: list[Float[Tensor, "E B _"]]
    outputs: list[Float[Tensor, "E B _"]]


def _predict(
    model: DynamicsGenerator, layers: list[tuple[Tensor, Tensor]], stretches: Stretches
) -> tuple[Float[Tensor, "U E B S"], list[_Step]]:
    """By how much each predicted state is missed, in units of the changes; and how it came."""
    stats, activation = model.normaliser, ACTIVATIONS[model.config.network.activation]
    states = stretches.starts
    missed, steps = [], []
    for index in range(stretches.actions.shape[2]):
        value = model.network_inputs(states, stretches.actions[:, :, index], stretches.anchor)
        step = _Step([], [])
        for weight, bias in layers:
            step.inputs.append(value)
            step.outputs.append(torch.baddbmm(bias[:, None], value, weight.transpose(1, 2)))
            if len(step.outputs) < len(layers):
                value = activation(step.outputs[-1])
        states = states + (step.outputs[-1] * stats.change_std + stats.change_mean)
        missed.append((states - stretches.truth[:, :, index]) / stats.change_std)
        steps.append(step)
    return torch.stack(missed), steps


def _gradient(
    model: DynamicsGenerator,
    layers: list[tuple[Tensor, Tensor]],
    missed: Float[Tensor, "U E B S"],
    steps: list[_Step],
) -> Float[Tensor, "E P"]:
    """Of the mean square of what is missed, with respect to the networks."""
    stats, columns = model.normaliser, model.input_columns
    derivative = DERIVATIVES[model.config.network.activation]
    of_states = missed * (2 / missed.numel() / stats.change_std)
    errors: list[list[Tensor]] = [[] for _ in layers]
    later = torch.zeros_like(of_states[0])
    for index in reversed(range(len(steps))):
        later = later + of_states[index]
        error = later * stats.change_std
        errors[-1].append(error)
        for layer in reversed(range(1, len(layers))):
            below = torch.bmm(error, layers[layer][0])
            error = derivative(below, steps[index].outputs[layer - 1], steps[index].inputs[layer])
            errors[layer - 1].append(error)
        if index:
            seen = torch.bmm(error, layers[0][0])[..., : len(columns)]
            later = later.index_add(-1, columns, seen / stats.state_std[columns])
    of_layers = []
    for layer, backwards in enumerate(errors):
        error = torch.cat(backwards[::-1], dim=1)
        value = torch.cat([step.inputs[layer] for step in steps], dim=1)
        of_layers.append((torch.bmm(error.transpose(1, 2), value), error.sum(1)))
    return join_parameters(of_layers)
