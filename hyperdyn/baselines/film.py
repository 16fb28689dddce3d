"""FiLM: one shared forward model whose hidden units the code scales and shifts."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.model import DynamicsGenerator
from hyperdyn.networks import default_parameters, join_parameters, split_parameters


class FiLM(DynamicsGenerator):
    """Feature-wise linear modulation (Perez et al., 2018) of every hidden layer's sums.

    γ(z) ⊙ (W x + b) + β(z) is a layer with weight diag(γ) W and bias γ ⊙ b + β, so the network for
    a code is an ordinary one. γ and β are linear in the code; for z = 0 they start at 1 and 0.
    """

    kind = "film"

    def _build(self, generator: torch.Generator) -> None:
        spec = self.config.network
        self.shared = nn.Parameter(default_parameters(spec, generator))
        self.modulation = nn.utils.skip_init(
            nn.Linear, self.config.code_dim, 2 * sum(spec.sizes[1:-1])
        )
        bound = self.config.code_dim**-0.5
        nn.init.uniform_(self.modulation.weight, -bound, bound, generator=generator)
        nn.init.zeros_(self.modulation.bias)

    def parameters_from(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B P"]:
        """The shared parameters, every hidden layer scaled and shifted by the code."""
        spec = self.config.network
        layers = split_parameters(spec, self.shared)
        widths = [width for width in spec.sizes[1:-1] for _ in range(2)]
        modulation = torch.split(self.modulation(code), widths, dim=1)
        modulated = []
        for index, (weight, bias) in enumerate(layers[:-1]):
            scale, shift = 1 + modulation[2 * index], modulation[2 * index + 1]
            modulated.append((scale[:, :, None] * weight, scale * bias + shift))
        weight, bias = layers[-1]
        modulated.append((weight.expand(len(code), -1, -1), bias.expand(len(code), -1)))
        return join_parameters(modulated)
