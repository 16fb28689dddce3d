"""Turns of an object: yaw, quaternions (x, y, z, w), matrices."""

import torch
from jaxtyping import Float
from torch import Tensor


def yaw_matrices(yaw: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotations about the upright axis, counter-clockwise seen from above; radians."""
    cos, sin, zero = yaw.cos(), yaw.sin(), torch.zeros_like(yaw)
    rows = [cos, -sin, zero, sin, cos, zero, zero, zero, torch.ones_like(yaw)]
    return torch.stack(rows, dim=-1).reshape(*yaw.shape, 3, 3)


def quaternion_matrices(quaternions: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotations of quaternions (x, y, z, w), normalised here."""
    x, y, z, w = (quaternions / quaternions.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z),
        2 * (x * y - z * w),
        2 * (x * z + y * w),
        2 * (x * y + z * w),
        1 - 2 * (x * x + z * z),
        2 * (y * z - x * w),
        2 * (x * z - y * w),
        2 * (y * z + x * w),
        1 - 2 * (x * x + y * y),
    ]
    return torch.stack(rows, dim=-1).reshape(*x.shape, 3, 3)


def yaw_of(quaternions: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
    """The turn about the upright axis that a rotation (x, y, z, w) holds, -π to π."""
    x, y, z, w = quaternions.unbind(-1)
    return torch.atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z)
