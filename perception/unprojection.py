"""From images to the volume: what each view says about each voxel, and the mean over views.

A voxel reads the pixel it projects to (Tung et al., 2019: features copied along the ray). With
depth known it also reads where it stands relative to the surface seen there, and is counted as
observed only in front of that surface or in the shell just behind it; what lies deeper is another
view's to tell, or the map network's to complete.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from hyperdyn.perception.geometry import project
from hyperdyn.perception.views import Views
from hyperdyn.perception.volumes import Volume

GEOMETRY_CHANNELS = 3
_OUTSIDE = -2.0  # a normalised pixel coordinate that grid_sample reads as 0


def observe(
    views: Views, volume: Volume, shell: float
) -> tuple[Float[Tensor, "B V n 2"], Float[Tensor, "B V n"], Bool[Tensor, "B V n"]]:
    """Where each of n voxels lies in each view, and against the surface seen there.

    Args:
        views: Posed RGB-D images.
        volume: The voxels, n = z y x.
        shell: Thickness of what a surface is taken to fill behind it, metres.

    Returns:
        Pixel coordinates from -1 to 1 over the image; the distance behind the surface along the
        camera's axis, metres, negative in free space; and whether the view observes the voxel.
    """
    height, width = views.size
    centres = volume.centres(device=views.depth.device).to(views.depth.dtype).flatten(0, 2)
    pixels, depth = project(centres, views.intrinsics, views.poses)
    grid = pixels * (2 / pixels.new_tensor([width, height])) - 1
    # Depth is read at the nearest pixel: a mean across an edge is a surface where there is none.
    batch, count = views.depth.shape[:2]
    u, v = pixels.floor().unbind(-1)
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height) & (depth > 0)
    index = (v.clamp(0, height - 1) * width + u.clamp(0, width - 1)).long()
    surface = views.depth.reshape(batch, count, -1).gather(2, index)
    behind = depth - surface
    return grid, behind, inside & (surface > 0) & (behind < shell)


def unproject(
    views: Views, features: Float[Tensor, "_ F _ _"], volume: Volume, shell: float
) -> Float[Tensor, "B C z y x"]:
    """One map from image features and the depth of V views of B scenes.

    Args:
        views: Posed RGB-D images.
        features: Of all images, shape (B V, channels, height, width), at any resolution.
        volume: The voxels of the map.
        shell: Thickness of a surface, metres.

    Returns:
        The features' channels, then whether a voxel is in a shell (occupied), its distance
        behind the surface from -1 to 1 shells, and whether any view observes it; each the mean
        over the views that observe the voxel, 0 where none does.
    """
    grid, behind, observed = observe(views, volume, shell)
    seen = observed.to(grid.dtype)
    total = seen.sum(1)
    # The weights of the mean: views that observe a voxel share it evenly.
    weight = seen / total.clamp(min=1)[:, None]
    half = volume.pitch / 2
    geometry = torch.stack(
        [
            ((behind >= -half) * weight).sum(1),
            ((behind / shell).clamp(-1, 1) * weight).sum(1),
            total.clamp(max=1),
        ],
        dim=1,
    )
    hidden = torch.where(observed[..., None], grid, _OUTSIDE).flatten(0, 1)[:, None]
    sampled = functional.grid_sample(features, hidden, align_corners=False).squeeze(2)
    channels = _mean_over_views(sampled, weight)
    return torch.cat([channels, geometry], dim=1).reshape(len(views), -1, *volume.shape)


def _mean_over_views(
    sampled: Float[Tensor, "_ C n"], weight: Float[Tensor, "B V n"]
) -> Float[Tensor, "B C n"]:
    """Mean of what was sampled, 0 where a view does not observe; one view needs no product."""
    if weight.shape[1] == 1:
        return sampled
    stacked = sampled.unflatten(0, weight.shape[:2])
    return torch.einsum("bvcn,bvn->bcn", stacked, weight)
