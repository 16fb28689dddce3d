"""Turns of an object, told by quaternions (x, y, z, w)."""

import torch
from jaxtyping import Float
from torch import Tensor


def yaw_of(quaternions: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch"]:
    """The turn about the upright axis that a rotation (x, y, z, w) holds, -π to π."""
    x, y, z, w = quaternions.unbind(-1)
    return torch.atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z)
