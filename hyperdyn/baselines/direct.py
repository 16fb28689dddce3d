"""Direct: one shared forward model that takes the code as a further input (paper, section 4.1)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.model import DynamicsGenerator
from hyperdyn.networks import default_parameters, join_parameters, split_parameters


class Direct(DynamicsGenerator):
    """MLP([s, a, z]): the code reaches the first layer only, where it adds to the bias.

    So the network for a code is the shared one with first bias b₁ + V z, and what follows
    (planning, saving, rolling out) is the same as for generated models.
    """

    kind = "direct"

    def _build(self, generator: torch.Generator) -> None:
        spec = self.config.network
        self.shared = nn.Parameter(default_parameters(spec, generator))
        bound = (spec.sizes[0] + self.config.code_dim) ** -0.5
        drawn = torch.rand(spec.sizes[1], self.config.code_dim, generator=generator)
        self.code_weight = nn.Parameter((drawn * 2 - 1) * bound)

    def parameters_from(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B P"]:
        """The shared parameters, the first bias shifted by the code."""
        layers = [
            (weight.expand(len(code), -1, -1), bias.expand(len(code), -1))
            for weight, bias in split_parameters(self.config.network, self.shared)
        ]
        weight, bias = layers[0]
        layers[0] = (weight, bias + code @ self.code_weight.T)
        return join_parameters(layers)
