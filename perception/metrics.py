"""How good detections are: recall, error of the centre, overlap, false alarms."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.perception.boxes import iou
from hyperdyn.perception.detections import Detections


@dataclass(frozen=True, kw_only=True)
class DetectionScore:
    """Figures over a batch of scenes; NaN where there is nothing to average."""

    recall: float
    """Share of the true objects with a detection whose IoU reaches the threshold."""
    precision: float
    """Share of the detections that are such a match."""
    centre_error: float
    """Mean distance between the centres of matched pairs, metres."""
    mean_iou: float
    """Mean IoU of matched pairs."""


def score_detections(
    found: Detections,
    boxes: Float[Tensor, "B O 6"],
    present: Bool[Tensor, "B O"],
    *,
    threshold: float = 0.25,
) -> DetectionScore:
    """Compare detections with the truth.

    Each detection, best first, takes the free true object it overlaps most.

    Args:
        found: What the detector told.
        boxes: True boxes.
        present: Which places hold an object.
        threshold: Least IoU of a match.
    """
    overlaps = iou(found.boxes, boxes) * present[:, None, :] * (found.scores > 0)[..., None]
    distance = (found.boxes[:, :, None, :3] - boxes[:, None, :, :3]).norm(dim=-1)
    scenes = torch.arange(len(boxes), device=boxes.device)
    errors, shares = [], []
    for rank in range(found.boxes.shape[1]):
        best, owner = overlaps[:, rank].max(dim=-1)
        hit = best >= threshold
        errors.append(distance[scenes, rank, owner][hit])
        shares.append(best[hit])
        overlaps[scenes[hit], :, owner[hit]] = 0
    error, share = torch.cat(errors), torch.cat(shares)
    return DetectionScore(
        recall=_share(len(share), int(present.sum())),
        precision=_share(len(share), int(found.counts.sum())),
        centre_error=float(error.mean()),
        mean_iou=float(share.mean()),
    )


def image_iou(
    predicted: Float[Tensor, "*batch h w"], true: Float[Tensor, "*batch h w"]
) -> Float[Tensor, "*batch"]:
    """Overlap of two top-down views, each taken as filled where it is above one half."""
    first, second = predicted > 0.5, true > 0.5
    either = (first | second).sum((-2, -1))
    return torch.where(either > 0, (first & second).sum((-2, -1)) / either.clamp(min=1), 1.0)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
