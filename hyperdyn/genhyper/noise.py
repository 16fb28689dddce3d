"""Numbers drawn where their generator is, and moved to where they are wanted."""

import torch
from torch import Tensor


def normal(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """N(0, 1), on the device and of the type of another tensor."""
    return torch.randn(shape, generator=generator, device=generator.device).to(like)


def uniform(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """U[0, 1), on the device and of the type of another tensor."""
    return torch.rand(shape, generator=generator, device=generator.device).to(like)
