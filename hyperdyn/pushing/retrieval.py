"""Which known object looks most like one that was seen, and how it lies then."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hyperdyn.perception import YawRing


def at_yaw_zero(ring: YawRing, yaws: Float[Tensor, " E"]) -> YawRing:
    """Rings whose first code is that of the object at yaw 0, from objects seen at some yaw."""
    turns = YawRing.turns(ring.codes.shape[1], device=ring.codes.device)
    return YawRing(ring.at(turns - yaws[:, None]))


def most_alike(
    rings: YawRing, references: YawRing
) -> tuple[Int[Tensor, " E"], Float[Tensor, " E"]]:
    """Nearest neighbours by shape code, over all turns.

    Args:
        rings: E objects, from yaw 0 (`at_yaw_zero`).
        references: Known objects, likewise, with as many turns.

    Returns:
        For each object the number of the reference, and what is to be added to the object's yaw so
        that the reference lies as it does; radians.
    """
    count = rings.codes.shape[1]
    # Summed over turns: how far an object that is turned by some steps is from each reference.
    distance = torch.stack(
        [
            (rings.codes[:, None] - references.codes.roll(-step, dims=1)[None])
            .square()
            .sum((-1, -2))
            for step in range(count)
        ],
        dim=-1,
    )
    best = distance.flatten(1).argmin(dim=1)
    return best // count, (best % count) * (2 * math.pi / count)
