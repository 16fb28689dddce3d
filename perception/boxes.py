"""Axis-aligned boxes (centre x y z, size x y z; metres): overlap and non-maximum suppression."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def from_corners(corners: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 6"]:
    """Centre and size of boxes told by their lowest and highest corner."""
    low, high = corners[..., :3], corners[..., 3:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def iou(first: Float[Tensor, "*batch n 6"], second: Float[Tensor, "*batch m 6"]) -> Tensor:
    """Volume shared by each pair of boxes over the volume they cover.

    Args:
        first: n boxes.
        second: m boxes.

    Returns:
        From 0 to 1, shape (..., n, m); 0 where neither box has a volume.
    """
    low = torch.maximum(_low(first)[..., :, None, :], _low(second)[..., None, :, :])
    high = torch.minimum(_high(first)[..., :, None, :], _high(second)[..., None, :, :])
    shared = (high - low).clamp(min=0).prod(-1)
    volumes = first[..., 3:].prod(-1)[..., :, None] + second[..., 3:].prod(-1)[..., None, :]
    return shared / (volumes - shared).clamp(min=1e-12)


def suppress(
    boxes: Float[Tensor, "B n 6"], scores: Float[Tensor, "B n"], threshold: float
) -> Bool[Tensor, "B n"]:
    """Greedy non-maximum suppression in 3D, for all frames at once.

    Args:
        boxes: Candidates.
        scores: Higher is better; of equals the first wins. -inf marks a place without candidate.
        threshold: A candidate that shares more than this IoU with a kept, better one is dropped.

    Returns:
        Which candidates are kept.
    """
    order = scores.argsort(dim=-1, descending=True, stable=True)
    ranked = boxes.gather(1, order[..., None].expand_as(boxes))
    overlaps = iou(ranked, ranked) > threshold
    kept = scores.gather(1, order) > -torch.inf
    for rank in range(1, kept.shape[1]):
        beaten = (overlaps[:, rank, :rank] & kept[:, :rank]).any(-1)
        kept[:, rank] &= ~beaten
    return torch.zeros_like(kept).scatter(1, order, kept)


def _low(boxes: Tensor) -> Tensor:
    return boxes[..., :3] - boxes[..., 3:] / 2


def _high(boxes: Tensor) -> Tensor:
    return boxes[..., :3] + boxes[..., 3:] / 2
