"""Multilayer perceptrons whose weights are data: their sizes, their flat layout, their evaluation.

One flat vector of `P` numbers holds a network, layer after layer: the weight matrix (outputs ×
inputs, row-major), then the bias. All that writes or reads generated weights uses this layout.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hyperdyn.errors import InputError, require_known

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "tanh": torch.tanh,
    "silu": functional.silu,
}


@dataclass(frozen=True, kw_only=True)
class MLPSpec:
    """Sizes of a multilayer perceptron, and the activation behind every layer but the last.

    Raises:
        InputError: If there are fewer than two sizes, or one of them is not positive.
        UnknownNameError: If the activation has no entry in `ACTIVATIONS`.
    """

    sizes: tuple[int, ...]
    """Widths from input to output, e.g. (26, 128, 128, 20)."""
    activation: str = "relu"
    """Name of the hidden activation."""

    def __post_init__(self) -> None:
        """Check sizes and activation."""
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise InputError(
                f"MLPSpec sizes are {self.sizes}; give an input and an output width, all positive."
            )
        require_known("activation", self.activation, ACTIVATIONS)

    @property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of each layer, in order."""
        return tuple(itertools.pairwise(self.sizes))

    @property
    def num_parameters(self) -> int:
        """P, the length of the flat parameter vector."""
        return sum(inputs * outputs + outputs for inputs, outputs in self.layers)


def split_parameters(
    spec: MLPSpec, parameters: Float[Tensor, "*batch P"]
) -> list[tuple[Tensor, Tensor]]:
    """View flat parameters as layers.

    Args:
        spec: The network the parameters belong to.
        parameters: Flat parameters, shape (..., P).

    Returns:
        For each layer its weight, shape (..., outputs, inputs), and bias, shape (..., outputs).

    Raises:
        InputError: If the last axis is not `spec.num_parameters` long.
    """
    if parameters.shape[-1] != spec.num_parameters:
        raise InputError(
            f"Got {parameters.shape[-1]} parameters for an MLP of sizes {spec.sizes}, which has "
            f"{spec.num_parameters}; generate them with the same MLPSpec."
        )
    # One torch.split: its backward writes each gradient once; slices would each add a full one.
    lengths = [n for inputs, outputs in spec.layers for n in (inputs * outputs, outputs)]
    blocks = torch.split(parameters, lengths, dim=-1)
    batch = parameters.shape[:-1]
    return [
        (blocks[2 * i].reshape(*batch, outputs, inputs), blocks[2 * i + 1])
        for i, (inputs, outputs) in enumerate(spec.layers)
    ]


def join_parameters(layers: list[tuple[Tensor, Tensor]]) -> Float[Tensor, "*batch P"]:
    """Flatten (weight, bias) layers; the inverse of `split_parameters`."""
    blocks = [block for weight, bias in layers for block in (weight.flatten(-2), bias)]
    return torch.cat(blocks, dim=-1)


def in_units(
    spec: MLPSpec,
    parameters: Float[Tensor, "*batch P"],
    *,
    inputs: tuple[Float[Tensor, "*#batch I"], Float[Tensor, " I"]],
    outputs: tuple[Float[Tensor, " O"], Float[Tensor, " O"]],
) -> Float[Tensor, "*batch P"]:
    """Absorb normalisation: MLP((x - m) / d) · k + c as one network in physical units.

    Args:
        spec: The networks.
        parameters: For normalised inputs and outputs.
        inputs: Means m and standard deviations d.
        outputs: Means c and standard deviations k.
    """
    (mean, std), (shift, scale) = inputs, outputs
    layers = split_parameters(spec, parameters)
    weight, bias = layers[0]
    weight = weight / std
    layers[0] = (weight, bias - (weight @ mean[..., None])[..., 0])
    weight, bias = layers[-1]
    layers[-1] = (weight * scale[:, None], bias * scale + shift)
    return join_parameters(layers)


def batched_mlp(
    spec: MLPSpec, parameters: Float[Tensor, "E P"], inputs: Float[Tensor, "E N I"]
) -> Float[Tensor, "E N O"]:
    """Evaluate E networks, each with its own weights, on N inputs each.

    Args:
        spec: Sizes and activation, shared by the E networks.
        parameters: Flat parameters, shape (E, P).
        inputs: Shape (E, N, inputs).

    Returns:
        Outputs, shape (E, N, outputs).
    """
    return apply_layers(spec, split_parameters(spec, parameters), inputs)


def apply_layers(
    spec: MLPSpec, layers: list[tuple[Tensor, Tensor]], inputs: Float[Tensor, "E N I"]
) -> Float[Tensor, "E N O"]:
    """`batched_mlp` for parameters already split, to be used where one network is applied often."""
    activation = ACTIVATIONS[spec.activation]
    hidden = inputs
    for index, (weight, bias) in enumerate(layers):
        hidden = torch.baddbmm(bias.unsqueeze(1), hidden, weight.transpose(1, 2))
        if index < len(layers) - 1:
            hidden = activation(hidden)
    return hidden


def default_parameters(spec: MLPSpec, generator: torch.Generator) -> Float[Tensor, " P"]:
    """Draw one network the way `torch.nn.Linear` does: uniform within ±1/sqrt(inputs)."""
    blocks = [
        (torch.rand(inputs * outputs + outputs, generator=generator) * 2 - 1) / inputs**0.5
        for inputs, outputs in spec.layers
    ]
    return torch.cat(blocks)
