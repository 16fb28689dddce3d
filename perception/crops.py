"""The map around an object, and turning it about the upright axis."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hyperdyn.perception.errors import PerceptionError
from hyperdyn.perception.volumes import Volume


@dataclass(frozen=True, kw_only=True)
class CropSpec:
    """Size of an object's crop.

    Raises:
        PerceptionError: If the pitch or a number of voxels is not positive.
    """

    shape: tuple[int, int, int] = (12, 16, 16)
    """Voxels along z, y and x."""
    pitch: float = 0.0125
    """Edge of a voxel, metres."""

    def __post_init__(self) -> None:
        """Check the sizes."""
        if not self.pitch > 0 or min(self.shape) < 1:
            raise PerceptionError(
                f"CropSpec got a pitch of {self.pitch} m and a shape of {self.shape}; give a "
                "positive pitch and at least one voxel along z, y and x."
            )

    def offsets(self, *, device: torch.device | str = "cpu") -> Float[Tensor, "z y x 3"]:
        """Where the centre of each voxel lies from the crop's centre, (x, y, z), metres."""
        z, y, x = (
            self.pitch * (torch.arange(count, device=device, dtype=torch.float32) - (count - 1) / 2)
            for count in self.shape
        )
        return torch.stack(torch.meshgrid(z, y, x, indexing="ij")[::-1], dim=-1)


def crop(
    scene: Float[Tensor, "B C _ _ _"],
    volume: Volume,
    centres: Float[Tensor, "B O 3"],
    spec: CropSpec,
) -> Float[Tensor, "B O C z y x"]:
    """Cut O objects out of each of B maps, by trilinear interpolation.

    Args:
        scene: Maps over the volume.
        volume: Where the map's voxels lie.
        centres: Centres of the crops, world frame, metres.
        spec: Size of the crops.

    Returns:
        The maps around the objects, axes along the world's; 0 outside the volume.
    """
    offsets = spec.offsets(device=scene.device).to(scene.dtype)
    grid = volume.normalised(centres[:, :, None, None, None] + offsets)
    found = functional.grid_sample(scene, grid.flatten(1, 2), align_corners=False)
    z, y, x = spec.shape
    return found.reshape(*scene.shape[:2], centres.shape[1], z, y, x).movedim(2, 1)


def turn(features: Float[Tensor, "n F y x"], yaw: Float[Tensor, " n"]) -> Float[Tensor, "n F y x"]:
    """Turn what is seen from above about its centre, counter-clockwise, by bilinear interpolation.

    Corners turned in are 0. The opposite turn undoes it: exactly for quarter turns of a square,
    else up to interpolation and lost corners.

    Args:
        features: Rows rise with y, columns with x.
        yaw: Radians.
    """
    # What a turn brings to p comes from the opposite turn of p.
    cos, sin, zero = yaw.cos(), yaw.sin(), torch.zeros_like(yaw)
    back = torch.stack([cos, sin, zero, -sin, cos, zero], dim=-1).unflatten(-1, (2, 3))
    grid = functional.affine_grid(
        back, [len(features), 1, *features.shape[2:]], align_corners=False
    )
    return functional.grid_sample(features, grid, align_corners=False)


def turn_images(images: Float[Tensor, "n h w"], yaw: Float[Tensor, " n"]) -> Float[Tensor, "n h w"]:
    """Turn top-down images (x right, y up) about their centres, counter-clockwise; radians."""
    return turn(images[:, None], -yaw)[:, 0]  # their rows fall with y
