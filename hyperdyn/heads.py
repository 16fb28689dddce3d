"""What a code becomes: the parameters of a network. One abstract head, and the two plain ones.

The hypernetwork (`hyperdyn.hypernetworks`) writes every parameter. `Concatenation` and `Modulation`
condition one shared network, which is a special case of writing parameters: so everything that
follows (planning, saving, rolling out) is the same for all of them.
"""

import abc

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.networks import (
    ACTIVATIONS,
    MLPSpec,
    default_parameters,
    join_parameters,
    split_parameters,
)


class Head(nn.Module, abc.ABC):
    """A map from codes to the parameters of networks of one size.

    Args:
        code_dim: Z, width of the code.
        spec: Sizes of the networks.
    """

    def __init__(self, code_dim: int, spec: MLPSpec) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.spec = spec

    @abc.abstractmethod
    def forward(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B P"]:
        """Write out the parameters for each code."""

    @abc.abstractmethod
    def evaluate(
        self, code: Float[Tensor, "B Z"], inputs: Float[Tensor, "B I"]
    ) -> Float[Tensor, "B O"]:
        """Evaluate, on input b, the network for code b, without writing it out.

        Equal to `batched_mlp(spec, forward(code), inputs[:, None])[:, 0]` up to rounding.
        """


class Concatenation(Head):
    """MLP([x, z]): one shared network that takes the code as a further input.

    The code reaches the first layer only, where it adds to the bias: the network for a code is the
    shared one with first bias b₁ + V z.

    Args:
        code_dim: Z.
        spec: Sizes, without the code.
        generator: Source of the initial weights.
    """

    def __init__(self, code_dim: int, spec: MLPSpec, *, generator: torch.Generator) -> None:
        super().__init__(code_dim, spec)
        self.shared = nn.Parameter(default_parameters(spec, generator))
        bound = (spec.sizes[0] + code_dim) ** -0.5
        drawn = torch.rand(spec.sizes[1], code_dim, generator=generator)
        self.code_weight = nn.Parameter((drawn * 2 - 1) * bound)

    def forward(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B P"]:
        """The shared parameters, the first bias shifted by the code."""
        layers = [
            (weight.expand(len(code), -1, -1), bias.expand(len(code), -1))
            for weight, bias in split_parameters(self.spec, self.shared)
        ]
        weight, bias = layers[0]
        layers[0] = (weight, bias + code @ self.code_weight.T)
        return join_parameters(layers)

    def evaluate(
        self, code: Float[Tensor, "B Z"], inputs: Float[Tensor, "B I"]
    ) -> Float[Tensor, "B O"]:
        """One shared network on inputs and codes."""
        activation = ACTIVATIONS[self.spec.activation]
        (weight, bias), *layers = split_parameters(self.spec, self.shared)
        hidden = functional.linear(inputs, weight, bias) + code @ self.code_weight.T
        for weight, bias in layers:
            hidden = functional.linear(activation(hidden), weight, bias)
        return hidden


class Modulation(Head):
    """Feature-wise linear modulation (FiLM; Perez et al., 2018) of every hidden layer's sums.

    γ(z) ⊙ (W x + b) + β(z) is a layer with weight diag(γ) W and bias γ ⊙ b + β, so the network for
    a code is an ordinary one. γ and β are linear in the code; for z = 0 they start at 1 and 0.

    Args:
        code_dim: Z.
        spec: Sizes.
        generator: Source of the initial weights.
    """

    def __init__(self, code_dim: int, spec: MLPSpec, *, generator: torch.Generator) -> None:
        super().__init__(code_dim, spec)
        self.shared = nn.Parameter(default_parameters(spec, generator))
        self.modulation = nn.utils.skip_init(nn.Linear, code_dim, 2 * sum(spec.sizes[1:-1]))
        bound = code_dim**-0.5
        nn.init.uniform_(self.modulation.weight, -bound, bound, generator=generator)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B P"]:
        """The shared parameters, every hidden layer scaled and shifted by the code."""
        layers = split_parameters(self.spec, self.shared)
        modulated = [
            (scale[:, :, None] * weight, scale * bias + shift)
            for (weight, bias), (scale, shift) in zip(layers, self._factors(code), strict=False)
        ]
        weight, bias = layers[-1]
        modulated.append((weight.expand(len(code), -1, -1), bias.expand(len(code), -1)))
        return join_parameters(modulated)

    def evaluate(
        self, code: Float[Tensor, "B Z"], inputs: Float[Tensor, "B I"]
    ) -> Float[Tensor, "B O"]:
        """One shared network whose sums are scaled and shifted."""
        activation = ACTIVATIONS[self.spec.activation]
        layers = split_parameters(self.spec, self.shared)
        hidden = inputs
        for (weight, bias), (scale, shift) in zip(layers, self._factors(code), strict=False):
            hidden = activation(scale * functional.linear(hidden, weight, bias) + shift)
        return functional.linear(hidden, *layers[-1])

    def _factors(self, code: Tensor) -> list[tuple[Tensor, Tensor]]:
        """γ and β of every hidden layer."""
        widths = [width for width in self.spec.sizes[1:-1] for _ in range(2)]
        parts = torch.split(self.modulation(code), widths, dim=1)
        return [(1 + scale, shift) for scale, shift in zip(parts[::2], parts[1::2], strict=True)]
