"""From what was watched to a code: the interaction encoder."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.errors import require_known

_LAYERS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "tanh": nn.Tanh}


class InteractionEncoder(nn.Module):
    """A fully connected network over the flattened history (paper, section 3.2: two layers of 128).

    Args:
        length: K, steps in the history.
        state_dim: S.
        action_dim: A.
        hidden: Widths of the hidden layers.
        code_dim: Z (paper: 2; released code: 1).
        activation: "relu", "leaky_relu" or "tanh".
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        length: int,
        state_dim: int,
        action_dim: int,
        *,
        hidden: tuple[int, ...],
        code_dim: int,
        activation: str,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        require_known("encoder activation", activation, _LAYERS)
        widths = [length * (state_dim + action_dim), *hidden]
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [_linear(inputs, outputs, generator), _LAYERS[activation]()]
        self.layers = nn.Sequential(*layers, _linear(widths[-1], code_dim, generator))

    def forward(
        self, states: Float[Tensor, "B K S"], actions: Float[Tensor, "B K A"]
    ) -> Float[Tensor, "B Z"]:
        """Encode normalised histories."""
        code: Tensor = self.layers(torch.cat([states, actions], dim=-1).flatten(1))
        return code


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer with torch's default distribution, drawn from the given generator."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    bound = inputs**-0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer
