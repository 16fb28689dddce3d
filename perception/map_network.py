"""The 3D map network: completes what the views leave open.

A 3D convolution over few channels is the slowest way to spend a CPU, and a table's scene is wide
and flat. So the layers of voxels, one above the other, become channels of 2D convolutions over the
table: every height sees every other in one layer, and a map costs milliseconds.
"""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.perception.layers import block, drawn


class MapNetwork(nn.Module):
    """A U-Net over the table whose channels hold the heights.

    Args:
        inputs: Channels of a voxel of the unprojected map.
        outputs: Channels of a voxel of the finished map.
        heights: Layers of voxels.
        widths: Channels at full, half, quarter … resolution.
        generator: Source of the first weights.
    """

    def __init__(
        self,
        *,
        inputs: int,
        outputs: int,
        heights: int,
        widths: tuple[int, ...],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.heights = heights
        self.stem = nn.Sequential(
            block(inputs * heights, widths[0], kernel=1, generator=generator),
            block(widths[0], widths[0], generator=generator),
        )
        self.down = nn.ModuleList(
            nn.Sequential(
                block(fine, coarse, stride=2, generator=generator),
                block(coarse, coarse, generator=generator),
            )
            for fine, coarse in itertools.pairwise(widths)
        )
        self.across = nn.ModuleList(
            block(coarse, fine, kernel=1, generator=generator)
            for fine, coarse in itertools.pairwise(widths)
        )
        self.up = nn.ModuleList(
            block(fine, fine, generator=generator) for fine in widths[: len(widths) - 1]
        )
        self.head = drawn(nn.Conv2d, widths[0], outputs * heights, 1, generator=generator)

    def forward(
        self, scene: Float[Tensor, "B I z y x"]
    ) -> tuple[Float[Tensor, "B C z y x"], Float[Tensor, "B W y x"]]:
        """The finished map, and the features of the columns it was made from."""
        hidden = self.stem(scene.flatten(1, 2))
        fine = []
        for down in self.down:
            fine.append(hidden)
            hidden = down(hidden)
        for across, up, skip in zip(
            reversed(self.across), reversed(self.up), reversed(fine), strict=True
        ):
            coarse = functional.interpolate(across(hidden), size=skip.shape[-2:], mode="nearest")
            hidden = up(coarse + skip)
        finished: Tensor = self.head(hidden).unflatten(1, (-1, self.heights))
        return finished, hidden
