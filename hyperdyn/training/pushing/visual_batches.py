"""Pictures of a collection as batches for the visual encoder, shard by shard."""

import torch
from torch import Tensor
from torch.nn import functional

from hyperdyn.errors import InputError
from hyperdyn.perception import Views, VisualTargets, from_corners
from hyperdyn.training.pushing.dataset import PushingDataset
from hyperdyn.training.pushing.episodes import TOP_DOWN_EXTENT, TOP_DOWN_PIXELS, PushingImages
from hyperdyn.training.pushing.visual_configs import VisualTrainConfig
from hyperdyn.training.seeds import torch_generator


def views_of(images: PushingImages) -> Views:
    """One view a scene."""
    rgb = images.rgb.permute(0, 3, 1, 2).contiguous().to(torch.float32) / 255
    return Views(
        rgb[:, None], images.depth[:, None], images.intrinsics[:, None], images.poses[:, None]
    )


def targets_of(images: PushingImages, size: int, *, detect: bool = True) -> VisualTargets:
    """What the pictures should be read as.

    Args:
        images: B pictures of up to O objects.
        size: Pixels along each side of the top-down view; divides that of the labels.
        detect: Whether they train detection.
    """
    present = images.present.bool()
    covered = functional.avg_pool2d(images.top_down.to(torch.float32), TOP_DOWN_PIXELS // size)
    return VisualTargets(
        boxes=from_corners(images.boxes),
        present=present,
        top_down=covered,
        has_view=present,
        detect=torch.full((len(images),), detect),
    )


def require_matching_view(config: VisualTrainConfig) -> None:
    """Refuse a top-down view that cannot be made from the labels.

    Raises:
        InputError: With what the labels have.
    """
    size, extent = config.encoder.view_size, config.encoder.view_extent
    if TOP_DOWN_PIXELS % size or extent != TOP_DOWN_EXTENT:
        raise InputError(
            f"Labels show {TOP_DOWN_EXTENT} m in {TOP_DOWN_PIXELS} pixels; a view_extent of "
            f"{extent} m in view_size {size} cannot be made from them. Give {TOP_DOWN_EXTENT} m "
            f"and a divisor of {TOP_DOWN_PIXELS}."
        )


def disturbed(views: Views, config: VisualTrainConfig, generator: torch.Generator) -> Views:
    """Views with other colours and noise in their depth, as another camera would have them."""
    gain = torch.rand(*views.rgb.shape[:3], 1, 1, generator=generator) * 2 - 1
    noise = torch.randn(views.depth.shape, generator=generator) * config.depth_noise
    depth = torch.where(views.depth > 0, (views.depth + noise).clamp(min=1e-3), 0)
    rgb = (views.rgb * (1 + config.colour * gain)).clamp(max=1)
    return Views(rgb, depth, views.intrinsics, views.poses)


class BatchStream:
    """The batches of one collection in an order that a seed decides, one shard in memory.

    Each pass reads every shard once, in a new order; what does not fill a batch at a shard's end is
    left out of that pass.

    Args:
        dataset: The collection.
        shards: Which of its shards.
        size: Pictures a batch.
        seed: Of the order.
        stream: Number of the stream, so that two collections are not shuffled alike.

    Raises:
        InputError: If no shard fills a batch.
    """

    def __init__(
        self, dataset: PushingDataset, shards: tuple[int, ...], size: int, seed: int, stream: int
    ) -> None:
        self._dataset, self._shards, self._size = dataset, shards, size
        self._seed, self._stream = seed, stream
        self._full = {shard: len(dataset.config.rows(shard)) // size for shard in shards}
        self._pass = sum(self._full.values())
        if self._pass < 1:
            raise InputError(
                f"{dataset.folder} leaves {len(shards)} shards to train on, none of which fills a "
                f"batch of {size}. Collect more, or keep fewer for validation."
            )
        self._read: tuple[int, PushingImages] | None = None

    def batch(self, index: int) -> PushingImages:
        """A batch by its number, from 0; the same however the run came to it.

        Raises:
            ShardError: If its shard is damaged.
        """
        turn, place = divmod(index, self._pass)
        order = self._permutation(len(self._shards), turn)
        for shard in (self._shards[i] for i in order.tolist()):
            if place < self._full[shard]:
                break
            place -= self._full[shard]
        images = self._images(shard)
        rows = self._permutation(len(images), turn, shard)
        return images[rows[place * self._size : (place + 1) * self._size]]

    def _permutation(self, count: int, *place: int) -> Tensor:
        generator = torch_generator(self._seed, "batches", self._stream, *place)
        return torch.randperm(count, generator=generator)

    def _images(self, shard: int) -> PushingImages:
        if self._read is None or self._read[0] != shard:
            self._read = (shard, self._dataset.read_images(shard))
        return self._read[1]
