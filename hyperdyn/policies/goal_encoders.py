"""Encoders of scenes and proprioception, for goals and the present alike."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from hyperdyn.errors import InputError
from hyperdyn.policies.layers import two_layers
from hyperdyn.policies.standardiser import CONSTANT

_CONVOLUTIONS = ((16, 2), (32, 2), (32, 1))
"""Channels and strides; every channel of the last is a keypoint."""
_SHARPNESS = 4.0
"""What channels are multiplied by before the softmax, so that keypoints of an untrained encoder do
not all stand at the centre."""
_AT_ONCE = 256
"""Pictures that units are taken of."""


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
    """Three convolutions, whose channels become keypoints that are read as numbers are.

    They see how a picture differs from the mean of those in training: what stands still is nothing
    to them, and what does not draws keypoints to it before anything is learned.

    A keypoint is a place in the picture: the mean of all places, weighted by the softmax of its
    channel (Levine et al., End-to-End Training of Deep Visuomotor Policies, JMLR 2016). A policy
    that pushes must know where things are, and a few demonstrations teach that much sooner than
    what weights at every place mean. The paper has a pretrained residual network for pictures of
    rooms; nothing here is downloaded.

    Args:
        shape: Of a picture, (h, w, 3).
        hidden: Width of the layer that reads keypoints.
        outputs: Width of the latent.
        generator: Source of the initial weights.
    """

    mean: Tensor

    def __init__(
        self, shape: Sequence[int], hidden: int, outputs: int, *, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full(tuple(shape), 127.5))
        layers: list[nn.Module] = []
        inputs = 3
        for channels, stride in _CONVOLUTIONS:
            layer: nn.Conv2d = nn.utils.skip_init(
                nn.Conv2d, inputs, channels, kernel_size=3, stride=stride, padding=1
            )
            bound = (6 / (9 * inputs)) ** 0.5  # variance 2 / inputs (He et al., 2015)
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            layers += [layer, nn.ReLU()]
            inputs = channels
        self.layers = nn.Sequential(*layers[:-1])
        self.read = NumberEncoder(2 * inputs, hidden, outputs, generator=generator)

    @torch.no_grad()
    def fit(self, pictures: Shaped[Tensor, "n h w 3"]) -> None:
        """Take the mean of these pictures, and as units how far keypoints move over them.

        They move little before they are trained, and latents that differ as little would hardly
        change what is generated from them.

        Raises:
            InputError: If there are none.
        """
        if len(pictures):
            total = sum(part.double().sum(0) for part in pictures.split(_AT_ONCE))
            self.mean.copy_(total / len(pictures))
        parts = [self.keypoints(part) for part in pictures.split(_AT_ONCE)]
        self.read.fit(torch.cat(parts).flatten(-2))

    def keypoints(self, pictures: Shaped[Tensor, "n h w 3"]) -> Float[Tensor, "n channels 2"]:
        """Where each channel looks: right and down, from -1 to 1 between the picture's sides."""
        maps: Tensor = self.layers(((pictures - self.mean) / 127.5).movedim(-1, 1))
        weights = (_SHARPNESS * maps).flatten(-2).softmax(-1).view_as(maps)
        down, right = (torch.linspace(-1, 1, side, device=maps.device) for side in maps.shape[-2:])
        across, along = weights.sum(-2) @ right, weights.sum(-1) @ down
        return torch.stack((across, along), dim=-1)

    def forward(self, pictures: Shaped[Tensor, "*batch h w 3"]) -> Float[Tensor, "*batch Z"]:
        """Encode pictures of colours from 0 to 255."""
        batch = pictures.shape[:-3]
        pixels = pictures.flatten(0, -4) if len(batch) else pictures[None]
        found: Tensor = self.read(self.keypoints(pixels).flatten(-2))
        return found.view(*batch, -1)


def scene_encoder(
    scene: Sequence[int], hidden: int, outputs: int, *, generator: torch.Generator
) -> NumberEncoder | PictureEncoder:
    """The encoder of scenes of a shape: numbers (G,) or pictures (h, w, 3)."""
    if len(scene) == 1:
        return NumberEncoder(scene[0], hidden, outputs, generator=generator)
    return PictureEncoder(scene, hidden, outputs, generator=generator)
