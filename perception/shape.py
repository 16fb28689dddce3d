"""An object's crop to its shape code, and the code to the view from above (paper, 3.1 and B.1)."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.perception.errors import PerceptionError
from hyperdyn.perception.layers import drawn

KERNELS = (5, 3, 3)
DECODER_CHANNELS = (16, 8, 1)
DECODER_INPUT = 32
CLEARLY_EMPTY = -2.0

Form = Literal["slices", "3d"]


class ShapeEncoder(nn.Module):
    """Three convolutions (kernels 5, 3, 3), each with max-pooling, and a fully connected layer.

    In the form "slices" heights are channels of 2D convolutions; "3d" has 3D convolutions, as the
    paper's 2, 4, 8 channels suggest, at several times the cost.

    Args:
        channels: Channels of a voxel of the crop.
        shape: Voxels of the crop along z, y and x.
        widths: Channels of the three convolutions.
        code_dim: Numbers in a code (paper: 8).
        form: "slices" or "3d".
        generator: Source of the first weights.

    Raises:
        PerceptionError: If the form is not known or the crop is too small for three poolings.
    """

    def __init__(
        self,
        channels: int,
        shape: tuple[int, int, int],
        *,
        widths: tuple[int, int, int],
        code_dim: int,
        form: Form,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        pooled = shape[1:] if form == "slices" else shape
        if form not in ("slices", "3d") or min(pooled) < 8:
            raise PerceptionError(
                f"ShapeEncoder got form {form!r} and crops of {shape} voxels; give 'slices' or "
                "'3d', and at least 8 voxels along every axis that is pooled three times."
            )
        self.form = form
        flat = form == "slices"
        inputs = (channels * shape[0] if flat else channels, *widths[:2])
        layers: list[nn.Module] = []
        for inside, outside, kernel in zip(inputs, widths, KERNELS, strict=True):
            layers += [
                drawn(
                    nn.Conv2d if flat else nn.Conv3d,
                    inside,
                    outside,
                    kernel,
                    padding=kernel // 2,
                    generator=generator,
                ),
                nn.LeakyReLU(0.1),
                nn.MaxPool2d(2) if flat else nn.MaxPool3d(2),
            ]
        self.layers = nn.Sequential(*layers)
        features = widths[2] * math.prod(size // 8 for size in pooled)
        self.code = drawn(nn.Linear, features, code_dim, generator=generator)

    def forward(self, crops: Float[Tensor, "n C z y x"]) -> Float[Tensor, "n Z"]:
        """Encode crops."""
        hidden = self.layers(crops.flatten(1, 2) if self.form == "slices" else crops)
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
