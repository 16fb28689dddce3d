"""How good detections are: recall, error of the centre, overlap, false alarms."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
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


def match(
    found: Detections,
    boxes: Float[Tensor, "B O 6"],
    present: Bool[Tensor, "B O"],
    *,
    threshold: float = 0.25,
) -> Int[Tensor, "B n"]:
    """Which true object each detection stands for.

    Each detection, best first, takes the free true object it overlaps most.

    Args:
        found: What the detector told, n places a scene.
        boxes: True boxes.
        present: Which places hold an object.
        threshold: Least IoU of a match.

    Returns:
        The object's place, −1 for a false alarm and where nothing was told.
    """
    overlaps = iou(found.boxes, boxes) * present[:, None, :] * (found.scores > 0)[..., None]
    owners = torch.full(found.scores.shape, -1, device=boxes.device)
    for rank in range(found.boxes.shape[1]):
        best, owner = overlaps[:, rank].max(dim=-1)
        hit = (best >= threshold).nonzero()[:, 0]
        owners[hit, rank] = owner[hit]
        overlaps[hit, :, owner[hit]] = 0
    return owners


def score_detections(
    found: Detections,
    boxes: Float[Tensor, "B O 6"],
    present: Bool[Tensor, "B O"],
    *,
    threshold: float = 0.25,
) -> DetectionScore:
    """Compare detections with the truth.

    Args:
        found: What the detector told.
        boxes: True boxes.
        present: Which places hold an object.
        threshold: Least IoU of a match, see `match`.
    """
    owners = match(found, boxes, present, threshold=threshold)
    scene, rank = (owners >= 0).nonzero(as_tuple=True)
    told, true = found.boxes[scene, rank], boxes[scene, owners[scene, rank]]
    share = iou(told[:, None], true[:, None]).flatten()
    return DetectionScore(
        recall=_share(len(told), int(present.sum())),
        precision=_share(len(told), int(found.counts.sum())),
        centre_error=float((told - true)[:, :3].norm(dim=-1).mean()),
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
