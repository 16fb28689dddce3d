"""Images to features that hold several scales."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.perception.geometry import depth_to_points
from hyperdyn.perception.layers import block, drawn
from hyperdyn.perception.views import Views

IMAGE_CHANNELS = 5  # red, green, blue, height above the table, whether depth was measured


class ImageEncoder(nn.Module):
    """Two convolutions a scale, each scale at half the resolution of the one before (GRNN's plan).

    The first is at the image's own: a small object on a table far away is a few pixels wide. What
    the scales tell is added up, so that a voxel reads one place instead of one a scale. Beside its
    colour a pixel tells how high above the table the point it shows lies: unlike depth, the same
    from every view.

    Args:
        channels: Channels inside each scale, finest (the image's resolution) first.
        features: Channels handed to the volume.
        generator: Source of the first weights.
    """

    def __init__(
        self, *, channels: tuple[int, ...], features: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        widths = (IMAGE_CHANNELS, *channels)
        self.scales = nn.ModuleList(
            nn.Sequential(
                block(inputs, outputs, stride=1 if finest else 2, generator=generator),
                block(outputs, outputs, generator=generator),
            )
            for inputs, outputs, finest in zip(
                widths[:-1], channels, (True, *[False] * (len(channels) - 1)), strict=True
            )
        )
        self.heads = nn.ModuleList(
            drawn(nn.Conv2d, width, features, 1, generator=generator) for width in channels
        )

    def forward(self, views: Views, height_scale: float) -> Float[Tensor, "_ F _ _"]:
        """Encode all views of all scenes.

        Args:
            views: Posed RGB-D images.
            height_scale: Height above the table that counts as 1, metres.

        Returns:
            Features of all images, shape (B V, F, height, width).
        """
        hidden = image_input(views, height_scale)
        told = []
        for scale, head in zip(self.scales, self.heads, strict=True):
            hidden = scale(hidden)
            told.append(head(hidden))
        total: Tensor = told.pop()
        for fine in reversed(told):
            size = fine.shape[-2:]
            total = fine + functional.interpolate(
                total, size=size, mode="bilinear", align_corners=False
            )
        return total


def image_input(views: Views, height_scale: float) -> Float[Tensor, "_ c h w"]:
    """Colour, height above the table and validity of each pixel, shape (B V, 5, h, w)."""
    measured = (views.depth > 0).to(views.depth.dtype)
    heights = depth_to_points(views.depth, views.intrinsics, views.poses)[..., 2]
    scaled = (heights / height_scale).clamp(-1, 2) * measured
    planes = torch.stack([scaled, measured], dim=2)
    return torch.cat([views.rgb - 0.5, planes], dim=2).flatten(0, 1)
