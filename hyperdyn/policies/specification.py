"""The encoder of task specifications that all policy generators share."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.policies.layers import linear

_BLOCKS = 2
"""Residual blocks at each of the three widths: six in all (HyPoGen, section 5.1)."""


class ResidualBlock(nn.Module):
    """x + W₂ relu(W₁ relu(x) + b₁) + b₂.

    Args:
        width: Of x.
        generator: Source of the initial weights.
    """

    def __init__(self, width: int, *, generator: torch.Generator) -> None:
        super().__init__()
        self.first = linear(width, width, generator)
        self.second = linear(width, width, generator)

    def forward(self, x: Float[Tensor, "E W"]) -> Float[Tensor, "E W"]:
        """Add what two layers make of x."""
        added: Tensor = self.second(torch.relu(self.first(torch.relu(x))))
        return x + added


class SpecificationEncoder(nn.Sequential):
    """Widens by quarters: C -> D/4 -> D/2 -> D, two residual blocks at each width.

    That of HyperZero, which HyPoGen keeps. Weights begin uniform within ±1/(2 sqrt(inputs)).

    Args:
        condition_dim: C.
        embedding_dim: D, a multiple of 4.
        generator: Source of the initial weights.
    """

    def __init__(
        self, condition_dim: int, embedding_dim: int, *, generator: torch.Generator
    ) -> None:
        layers: list[nn.Module] = []
        inputs = condition_dim
        for outputs in (embedding_dim // 4, embedding_dim // 2, embedding_dim):
            layers.append(linear(inputs, outputs, generator))
            layers += [ResidualBlock(outputs, generator=generator) for _ in range(_BLOCKS)]
            inputs = outputs
        super().__init__(*layers)
        for part in self.modules():
            if isinstance(part, nn.Linear):
                bound = 0.5 * part.in_features**-0.5
                nn.init.uniform_(part.weight, -bound, bound, generator=generator)
