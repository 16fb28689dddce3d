"""Layers whose first weights come from a generator that was passed in."""

from typing import Any

import torch
from torch import Tensor, nn


def drawn(kind: type[nn.Module], *args: Any, generator: torch.Generator, **options: Any) -> Any:
    """A convolution or linear layer, weights uniform with variance 2 / inputs (He et al., 2015).

    Args:
        kind: Class of the layer, e.g. `nn.Conv2d`.
        args: Its positional arguments.
        generator: Source of the weights; biases, if there are any, start at 0.
        options: Its keyword arguments.
    """
    layer = nn.utils.skip_init(kind, *args, **options)
    weight = layer.weight
    assert isinstance(weight, Tensor)
    transposed = isinstance(layer, nn.ConvTranspose2d)
    fan_in = weight.shape[0 if transposed else 1] * weight[0, 0].numel()
    if transposed:  # each output is reached by one weight in stride² of the kernel
        fan_in /= layer.stride[0] ** 2
    nn.init.uniform_(weight, -((6 / fan_in) ** 0.5), (6 / fan_in) ** 0.5, generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def block(
    inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, generator: torch.Generator
) -> nn.Sequential:
    """A 2D convolution, group normalisation over 8 channels a group, and ReLU."""
    convolution = drawn(
        nn.Conv2d,
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=kernel // 2,
        generator=generator,
    )
    return nn.Sequential(convolution, nn.GroupNorm(max(1, outputs // 8), outputs), nn.ReLU(True))
