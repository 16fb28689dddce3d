"""The map around every object of a collection, worked out once: what shape codes are trained from.

A frame takes the visual encoder milliseconds, a code of its crop a fraction of one. Training meets
every frame hundreds of times, so the crops are kept on disk, as half floats, shard by shard.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Float16, UInt8
from torch import Tensor

from hyperdyn.perception import Scene, VisualEncoder
from hyperdyn.pushing.map_parts import map_part
from hyperdyn.storage import is_written, read_folder, write_folder
from hyperdyn.training.pushing.dataset import PushingDataset
from hyperdyn.training.pushing.episodes import PushingImages, _Rows, join
from hyperdyn.training.pushing.visual_batches import targets_of, views_of

KIND = "pushing-crops"
NEAR = 0.05
"""A box further from an object than this is another's, m."""
_BATCH = 25


@dataclass(frozen=True, kw_only=True)
class Crops(_Rows):
    """One row an object of a collection's pictures, in their order."""

    crops: Float16[Tensor, "B C z y x"]
    """The map around it."""
    boxes: Float[Tensor, "B 6"]
    """The box it was cut out by: centre and size, m."""
    found: UInt8[Tensor, " B"]
    """1 where the detector found it; else the true box was used."""
    top_down: UInt8[Tensor, "B h w"]
    """Its view from above, 0 to 255."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One way of cutting crops."""

    true_boxes: bool = False
    """At the true boxes, not at those detected."""
    cropping: bool = True
    """False keeps the whole table for every object (`map_part`)."""


def cache_crops(
    visual: VisualEncoder,
    dataset: PushingDataset,
    cuts: Mapping[Path, Cut],
    *,
    shards: tuple[int, ...] | None = None,
) -> None:
    """Write the crops of a collection; those that are there already stay.

    Args:
        visual: What maps and detects.
        dataset: With pictures.
        cuts: Folders of crops, and how each is cut: the map is worked out once for all.
        shards: Which; all unless given.

    Raises:
        ShardError: If a shard of the collection is damaged.
        CheckpointError: If the crops cannot be written.
    """
    for shard in dataset.shards if shards is None else shards:
        missing = {out: cut for out, cut in cuts.items() if not is_written(_folder(out, shard))}
        if not missing:
            continue
        images = dataset.read_images(shard)
        parts: dict[Path, list[Crops]] = {out: [] for out in missing}
        for rows in torch.arange(len(images)).split(_BATCH):
            some = images[rows]
            with torch.no_grad():
                scene = visual(views_of(some))
            for out, cut in missing.items():
                parts[out].append(_cut(visual, scene, some, cut))
        for out, cut in missing.items():
            write_folder(_folder(out, shard), KIND, asdict(cut), join(parts[out]).tensors())


def read_crops(out: Path, shards: tuple[int, ...]) -> Crops:
    """The crops of some shards.

    Raises:
        CheckpointError: If one is missing or damaged.
    """
    return join([Crops(**read_folder(_folder(out, shard), KIND)[1]) for shard in shards])


@torch.no_grad()
def _cut(visual: VisualEncoder, scene: Scene, images: PushingImages, how: Cut) -> Crops:
    targets = targets_of(images, visual.config.view_size)
    places = []
    for place in range(targets.boxes.shape[1]):
        true, found = targets.boxes[:, place], scene.detections
        away = (found.boxes[..., :2] - true[:, None, :2]).norm(dim=-1)
        away = torch.where(found.scores > 0, away, torch.inf)
        nearest, index = away.min(dim=1)
        near = nearest < NEAR
        boxes = found.boxes[torch.arange(len(index)), index]
        boxes = torch.where(near[:, None] & (not how.true_boxes), boxes, true)
        cut = map_part(visual, scene.map, boxes, cropping=how.cropping)
        rows = Crops(
            crops=cut.to(torch.float16),
            boxes=boxes,
            found=near.to(torch.uint8),
            top_down=(255 * targets.top_down[:, place]).round().to(torch.uint8),
        )
        places.append(rows[targets.present[:, place]])
    return join(places)


def _folder(out: Path, shard: int) -> Path:
    return out / f"{shard:05d}"
