"""Pinhole cameras: depth to points in the world, and points in the world to pixels."""

import torch
from jaxtyping import Float
from torch import Tensor


def pixel_centres(height: int, width: int, *, like: Float[Tensor, "..."]) -> Float[Tensor, "h w 2"]:
    """(u, v) of the centre of each pixel: half a pixel from its edges."""
    v = torch.arange(height, dtype=like.dtype, device=like.device) + 0.5
    u = torch.arange(width, dtype=like.dtype, device=like.device) + 0.5
    return torch.stack(torch.meshgrid(u, v, indexing="xy"), dim=-1)


def depth_to_points(
    depth: Float[Tensor, "*batch h w"],
    intrinsics: Float[Tensor, "*batch 3 3"],
    poses: Float[Tensor, "*batch 4 4"],
) -> Float[Tensor, "*batch h w 3"]:
    """The points that the pixels of a depth image show.

    Args:
        depth: Metres along the camera's axis.
        intrinsics: Pixels.
        poses: Camera to world.

    Returns:
        World coordinates, metres. A pixel of depth 0 gives the camera's own position.
    """
    pixels = pixel_centres(depth.shape[-2], depth.shape[-1], like=depth)
    homogeneous = torch.cat([pixels, torch.ones_like(pixels[..., :1])], dim=-1)
    # One matrix from a pixel, scaled by its depth, to the world's axes.
    to_world = poses[..., :3, :3] @ torch.linalg.inv(intrinsics)
    rays = torch.einsum("...ij,hwj->...hwi", to_world, homogeneous)
    return rays * depth[..., None] + poses[..., None, None, :3, 3]


def project(
    points: Float[Tensor, "*#batch n 3"],
    intrinsics: Float[Tensor, "*#batch 3 3"],
    poses: Float[Tensor, "*#batch 4 4"],
) -> tuple[Float[Tensor, "*#batch n 2"], Float[Tensor, "*#batch n"]]:
    """Where a camera sees points of the world; the inverse of `depth_to_points`.

    Args:
        points: World coordinates, metres; one set of points may serve all cameras.
        intrinsics: Pixels.
        poses: Camera to world.

    Returns:
        (u, v) in pixels and depth in metres. Depth is negative behind the camera, where (u, v)
        says nothing.
    """
    rotation, shift = poses[..., :3, :3], poses[..., :3, 3]
    matrix = intrinsics @ rotation.mT
    offset = -(matrix @ shift[..., None])
    image = points @ matrix.mT + offset.mT
    depth = image[..., 2]
    safe = torch.where(depth.abs() < 1e-6, torch.full_like(depth, 1e-6), depth)
    return image[..., :2] / safe[..., None], depth
