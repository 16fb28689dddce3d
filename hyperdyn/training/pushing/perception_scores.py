"""How well a visual encoder reads the pictures of a collection."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.perception import Detections, VisualEncoder, image_iou, match, score_detections
from hyperdyn.training.pushing.dataset import PushingDataset
from hyperdyn.training.pushing.episodes import PushingImages
from hyperdyn.training.pushing.visual_batches import targets_of, views_of

_BATCH = 8


@dataclass(frozen=True, kw_only=True)
class Score:
    """Figures over pictures; NaN where there is nothing to average."""

    scenes: int
    """Pictures looked at."""
    objects: int
    """Objects on them."""
    recall: float
    """Share of the objects with a detection whose box shares an IoU of at least 0.25 with them."""
    precision: float
    """Share of the detections that are such a match."""
    exact_count: float
    """Share of the pictures with as many detections as objects."""
    centre_error_mm: float
    """Mean distance between the centres of matched boxes, in 3D."""
    box_iou: float
    """Mean IoU of matched boxes, in 3D."""
    view_iou: float
    """Mean IoU of the views from above, decoded from the codes of matched detections, and true."""


@dataclass(frozen=True, kw_only=True)
class PerceptionScore:
    """Figures over a collection, and over what each camera saw."""

    overall: Score
    by_camera: dict[int, Score]
    """By the camera's number; −1 stands for a camera drawn at random."""

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; null where there is nothing to average."""
        return {
            "overall": _json(self.overall),
            "by_camera": {str(camera): _json(score) for camera, score in self.by_camera.items()},
        }


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What was read off pictures, and what they show."""

    found: Detections
    boxes: Float[Tensor, "B O 6"]
    present: Bool[Tensor, "B O"]
    view_ious: Float[Tensor, "B n"]
    """Of each detection's view with that of its object; NaN without one."""
    cameras: Int[Tensor, " B"]

    def score(self, rows: Bool[Tensor, " B"]) -> Score:
        found = Detections(self.found.boxes[rows], self.found.scores[rows])
        present = self.present[rows]
        detection = score_detections(found, self.boxes[rows], present)
        views = self.view_ious[rows]
        return Score(
            scenes=len(present),
            objects=int(present.sum()),
            recall=detection.recall,
            precision=detection.precision,
            exact_count=float((found.counts == present.sum(-1)).float().mean()),
            centre_error_mm=1e3 * detection.centre_error,
            box_iou=detection.mean_iou,
            view_iou=float(views[~views.isnan()].mean()),
        )


@torch.no_grad()
def score_collection(
    encoder: VisualEncoder,
    dataset: PushingDataset,
    *,
    limit: int | None = None,
    shards: tuple[int, ...] | None = None,
) -> PerceptionScore:
    """Read pictures one by one and compare with what they show.

    Args:
        encoder: As trained.
        dataset: A collection with images.
        limit: Look at no more than this many, in order.
        shards: Of these shards; all that are there unless given.

    Raises:
        InputError: If there is nothing to look at.
        ShardError: If a shard is damaged.
    """
    chosen = dataset.shards if shards is None else shards
    if not chosen or (limit is not None and limit < 1):
        raise InputError(
            f"{dataset.folder}: {len(chosen)} shards and a limit of {limit} leave no picture to "
            "score; collect some, or raise the limit."
        )
    parts, left = [], limit
    for shard in chosen:
        for images in _batches(dataset.read_images(shard), left):
            parts.append(_read(encoder, images))
            left = None if left is None else left - len(images)
        if left == 0:
            break
    whole = _join(parts)
    everything = torch.ones(len(whole.cameras), dtype=torch.bool)
    return PerceptionScore(
        overall=whole.score(everything),
        by_camera={
            int(camera): whole.score(whole.cameras == camera) for camera in whole.cameras.unique()
        },
    )


def _batches(images: PushingImages, limit: int | None) -> Iterator[PushingImages]:
    count = len(images) if limit is None else min(limit, len(images))
    for first in range(0, count, _BATCH):
        yield images[range(first, min(first + _BATCH, count))]


def _read(encoder: VisualEncoder, images: PushingImages) -> _Read:
    targets = targets_of(images, encoder.config.view_size)
    scene = encoder(views_of(images))
    found = scene.detections
    owners = match(found, targets.boxes, targets.present)
    features = encoder.features(scene.map, found.boxes)
    views = encoder.decode(encoder.codes(features.flatten(0, 1)).unflatten(0, owners.shape))
    true = targets.top_down[torch.arange(len(images))[:, None], owners.clamp(min=0)]
    return _Read(
        found=found,
        boxes=targets.boxes,
        present=targets.present,
        view_ious=torch.where(owners >= 0, image_iou(views, true), torch.nan),
        cameras=images.views,
    )


def _join(parts: list[_Read]) -> _Read:
    return _Read(
        found=Detections(
            torch.cat([part.found.boxes for part in parts]),
            torch.cat([part.found.scores for part in parts]),
        ),
        boxes=torch.cat([part.boxes for part in parts]),
        present=torch.cat([part.present for part in parts]),
        view_ious=torch.cat([part.view_ious for part in parts]),
        cameras=torch.cat([part.cameras for part in parts]),
    )


def _json(score: Score) -> dict[str, Any]:
    values = dataclasses.asdict(score)
    return {name: None if value != value else value for name, value in values.items()}
