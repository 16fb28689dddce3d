"""Encoders of scenes and proprioception, for goals and the present alike."""

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from hyperdyn.errors import InputError
from hyperdyn.policies.layers import linear, two_layers
from hyperdyn.policies.standardiser import CONSTANT

_CHANNELS = (16, 32, 64, 64)
"""Of four convolutions, each of which halves the sides."""


class Standardised(nn.Module):
    """Numbers in units of their own deviation, by statistics of the training data.

    Args:
        width: Of the last axis.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))

    def fit(self, values: Float[Tensor, "n W"]) -> None:
        """Take mean and deviation of these.

        Raises:
            InputError: If there are none, or one is not finite.
        """
        if not len(values) or not bool(torch.isfinite(values).all()):
            raise InputError(f"Got {len(values)} rows to fit; give at least one, all finite.")
        std = values.double().std(0, correction=0)
        self.mean.copy_(values.double().mean(0))
        self.std.copy_(torch.where(std < CONSTANT, 1.0, std))

    def forward(self, values: Float[Tensor, "*batch W"]) -> Float[Tensor, "*batch W"]:
        """Standardise."""
        return (values - self.mean) / self.std


class NumberEncoder(nn.Sequential):
    """Standardised numbers through one hidden layer.

    Args:
        inputs: Width of the numbers.
        hidden: Of the layer.
        outputs: Width of the latent.
        generator: Source of the initial weights.
    """

    def __init__(
        self, inputs: int, hidden: int, outputs: int, *, generator: torch.Generator
    ) -> None:
        super().__init__(Standardised(inputs), *two_layers(inputs, hidden, outputs, generator))

    def fit(self, values: Float[Tensor, "n W"]) -> None:
        """Take the units of these numbers."""
        standardised = self[0]
        assert isinstance(standardised, Standardised)
        standardised.fit(values)


class PictureEncoder(nn.Module):
    """Four convolutions and a linear layer; positions stay, nothing is pooled.

    The paper has a pretrained residual network for pictures of rooms; a table seen by one camera
    needs less, and nothing here is downloaded.

    Args:
        height: Pixels, a multiple of 16.
        width: Pixels, a multiple of 16.
        outputs: Width of the latent.
        generator: Source of the initial weights.
    """

    def __init__(
        self, height: int, width: int, outputs: int, *, generator: torch.Generator
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, channels in itertools.pairwise((3, *_CHANNELS)):
            layer: nn.Conv2d = nn.utils.skip_init(
                nn.Conv2d, inputs, channels, kernel_size=3, stride=2, padding=1
            )
            bound = (6 / (9 * inputs)) ** 0.5  # variance 2 / inputs (He et al., 2015)
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            layers += [layer, nn.ReLU()]
        places = (height // 16) * (width // 16) * _CHANNELS[-1]
        self.layers = nn.Sequential(*layers, nn.Flatten(), linear(places, outputs, generator))

    def forward(self, pictures: Shaped[Tensor, "*batch h w 3"]) -> Float[Tensor, "*batch Z"]:
        """Encode pictures of colours from 0 to 255."""
        batch = pictures.shape[:-3]
        pixels = pictures.flatten(0, -4) if len(batch) else pictures[None]
        colours = pixels.float().movedim(-1, 1) / 127.5 - 1
        found: Tensor = self.layers(colours)
        return found.view(*batch, -1)


def scene_encoder(
    scene: Sequence[int], hidden: int, outputs: int, *, generator: torch.Generator
) -> NumberEncoder | PictureEncoder:
    """The encoder of scenes of a shape: numbers (G,) or pictures (h, w, 3)."""
    if len(scene) == 1:
        return NumberEncoder(scene[0], hidden, outputs, generator=generator)
    return PictureEncoder(scene[0], scene[1], outputs, generator=generator)
