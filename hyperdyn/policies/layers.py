"""Layers of policy generators, drawn from a generator that is passed in."""

import torch
from torch import nn


def linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer with torch's default distribution: uniform within ±1/sqrt(inputs)."""
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    bound = inputs**-0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def two_layers(inputs: int, hidden: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    """A rectified hidden layer and a linear output."""
    first = linear(inputs, hidden, generator)
    return nn.Sequential(first, nn.ReLU(), linear(hidden, outputs, generator))
