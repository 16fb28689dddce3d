"""An object's crop to its shape code, and the code to the view from above (paper, 3.1 and B.1)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.perception.crops import turn
from hyperdyn.perception.errors import PerceptionError
from hyperdyn.perception.layers import drawn

KERNELS = (5, 3, 3)
DECODER_CHANNELS = (16, 8, 1)
DECODER_INPUT = 32
CLEARLY_EMPTY = -2.0


class ShapeEncoder(nn.Module):
    """Three convolutions (kernels 5, 3, 3), each with max-pooling, and a fully connected layer.

    The paper turns a crop and passes it through 3D convolutions of 2, 4 and 8 channels, the slowest
    way to spend a CPU. An object on a table turns about the upright axis alone, which moves every
    height in the same way. So heights and channels are first mixed into a few flat features, once
    a crop; these are turned, as often as a planner asks, and 2D convolutions read them. Mixing is
    linear, hence the same before a turn as after it.

    Args:
        channels: Channels of a voxel of the crop.
        shape: Voxels of the crop along z, y and x.
        mixed: F, flat features that the crop's heights and channels are mixed into.
        widths: Channels of the three convolutions.
        code_dim: Numbers in a code (paper: 8).
        generator: Source of the first weights.

    Raises:
        PerceptionError: If the crop is not square seen from above, or too small for three poolings.
    """

    def __init__(
        self,
        channels: int,
        shape: tuple[int, int, int],
        *,
        mixed: int,
        widths: tuple[int, int, int],
        code_dim: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        heights, rows, columns = shape
        if rows != columns or rows < 8:
            raise PerceptionError(
                f"ShapeEncoder got crops of {shape} voxels (z, y, x); give as many along y as "
                "along x, and at least 8, since they are pooled three times."
            )
        self.mixer = drawn(nn.Conv2d, channels * heights, mixed, 1, bias=False, generator=generator)
        layers: list[nn.Module] = []
        for inside, outside, kernel in zip((mixed, *widths[:2]), widths, KERNELS, strict=True):
            layers += [
                drawn(nn.Conv2d, inside, outside, kernel, padding=kernel // 2, generator=generator),
                nn.LeakyReLU(0.1),
                nn.MaxPool2d(2),
            ]
        self.layers = nn.Sequential(*layers)
        self.code = drawn(nn.Linear, widths[2] * (rows // 8) ** 2, code_dim, generator=generator)

    def mix(self, crops: Float[Tensor, "n C z y x"]) -> Float[Tensor, "n F y x"]:
        """Flat features of crops, to be made once each."""
        mixed: Tensor = self.mixer(crops.flatten(1, 2))
        return mixed

    def forward(
        self, features: Float[Tensor, "n F y x"], yaw: Float[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n Z"]:
        """Codes of mixed crops, turned counter-clockwise by yaw (radians) if it is given."""
        hidden = self.layers(features if yaw is None else turn(features, yaw))
        code: Tensor = self.code(hidden.flatten(1))
        return code


class ViewDecoder(nn.Module):
    """A code to the top-down view: three transposed convolutions of kernel 4 (paper, B.1).

    Args:
        code_dim: Numbers in a code.
        size: Pixels along each side of the view, a multiple of 8.
        generator: Source of the first weights.

    Raises:
        PerceptionError: If the size is not a positive multiple of 8.
    """

    def __init__(self, code_dim: int, size: int, *, generator: torch.Generator) -> None:
        super().__init__()
        if size < 8 or size % 8:
            raise PerceptionError(
                f"ViewDecoder got a view of {size} pixels; give a multiple of 8, since three "
                "layers each double the resolution."
            )
        self.start = size // 8
        self.seed = drawn(nn.Linear, code_dim, DECODER_INPUT * self.start**2, generator=generator)
        inputs = (DECODER_INPUT, *DECODER_CHANNELS[:-1])
        self.layers = nn.ModuleList(
            drawn(nn.ConvTranspose2d, inside, outside, 4, stride=2, padding=1, generator=generator)
            for inside, outside in zip(inputs, DECODER_CHANNELS, strict=True)
        )
        # Most of a view is empty; starting there spares the first hundreds of steps.
        nn.init.constant_(self.layers[-1].get_parameter("bias"), CLEARLY_EMPTY)

    def forward(self, codes: Float[Tensor, "n Z"]) -> Float[Tensor, "n h w"]:
        """Logits of the intensity of each pixel, x to the right, y up."""
        hidden = self.seed(codes).unflatten(1, (DECODER_INPUT, self.start, self.start))
        for layer in self.layers:
            hidden = layer(functional.leaky_relu(hidden, 0.1))
        logits: Tensor = hidden.squeeze(1)
        return logits
