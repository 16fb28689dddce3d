"""The 3D detector: an anchor on every column of the map (Mask R-CNN's losses, boxes in 3D)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.perception.boxes import suppress
from hyperdyn.perception.detections import Detections
from hyperdyn.perception.errors import PerceptionError
from hyperdyn.perception.layers import block, drawn
from hyperdyn.perception.volumes import Volume

CANDIDATES = 64  # columns that suppression looks at
APART = 0.03  # metres between two objects' centres, at least


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """How objects are found.

    Raises:
        PerceptionError: If a number is out of its range.
    """

    anchor: float = 0.09
    """Edge of the cube that boxes are told relative to, metres."""
    positive: float = 0.4
    """A column nearer to an object's centre than this share of its half size is one of its own."""
    negative: float = 1.0
    """One further away than this share from every object is background; between, neither."""
    score_threshold: float = 0.5
    """Least probability of an object."""
    overlap: float = 0.15
    """IoU above which the weaker of two boxes is dropped."""
    most: int = 8
    """Most objects told of a scene."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (self.anchor > 0 and 0 < self.positive <= self.negative):
            raise PerceptionError(
                f"DetectorConfig got anchor {self.anchor}, positive {self.positive} and negative "
                f"{self.negative}; give anchor > 0 and 0 < positive <= negative."
            )
        if not (0 <= self.score_threshold < 1 and 0 <= self.overlap <= 1):
            raise PerceptionError(
                f"DetectorConfig got score_threshold {self.score_threshold} and overlap "
                f"{self.overlap}; give both from 0 to 1, the threshold below 1."
            )
        if not 1 <= self.most <= CANDIDATES:
            raise PerceptionError(
                f"DetectorConfig got most {self.most}; give 1 to {CANDIDATES} objects."
            )


class Detector(nn.Module):
    """Objectness and a box for every column of voxels.

    Objects stand on a table, so no column holds two centres: anchors need no third axis, while the
    boxes they tell have one.

    Args:
        volume: The voxels of the map.
        inputs: Channels of a column's features.
        config: Anchor, thresholds.
        generator: Source of the first weights.
    """

    def __init__(
        self, volume: Volume, inputs: int, config: DetectorConfig, *, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.config = config
        self.volume = volume
        head = drawn(nn.Conv2d, inputs, 7, 1, generator=generator)
        self.layers = nn.Sequential(block(inputs, inputs, generator=generator), head)
        with torch.no_grad():
            head.weight.mul_(0.1)
            head.bias[0] = math.log(0.02 / 0.98)  # few columns are objects (Lin et al., 2017)
        centres = volume.centres()[volume.shape[0] // 2, :, :, :].flatten(0, 1)
        self.register_buffer("anchors", centres, persistent=False)
        self.anchors: Tensor

    def forward(self, columns: Float[Tensor, "B W y x"]) -> Float[Tensor, "B n 7"]:
        """Per column the logit of an object and its box relative to the anchor."""
        found: Tensor = self.layers(columns).flatten(2).mT
        return found

    def boxes(self, raw: Float[Tensor, "B n 7"]) -> Float[Tensor, "B n 6"]:
        """Boxes in metres from what the network tells."""
        centres = self.anchors + raw[..., 1:4] * self.config.anchor
        return torch.cat([centres, raw[..., 4:].clamp(-3, 3).exp() * self.config.anchor], dim=-1)

    def decode(self, raw: Float[Tensor, "B n 7"]) -> Detections:
        """Boxes above the score threshold, after 3D non-maximum suppression, best first."""
        config = self.config
        scores = self._peaks(raw[..., 0].sigmoid())
        best, index = scores.topk(min(CANDIDATES, scores.shape[1]), dim=-1)
        boxes = self.boxes(raw).gather(1, index[..., None].expand(-1, -1, 6))
        ranked = torch.where(best >= config.score_threshold, best, -torch.inf)
        kept = suppress(boxes, ranked, config.overlap)
        # What is kept moves to the front; it is sorted already.
        order = (~kept).to(torch.int8).argsort(dim=-1, stable=True)[:, : config.most]
        kept = kept.gather(1, order)
        return Detections(
            boxes.gather(1, order[..., None].expand(-1, -1, 6)) * kept[..., None],
            best.gather(1, order) * kept,
        )

    def assign(
        self, boxes: Float[Tensor, "B O 6"], present: Bool[Tensor, "B O"]
    ) -> tuple[Bool[Tensor, "B n"], Bool[Tensor, "B n"], Float[Tensor, "B n 6"]]:
        """What each column should tell.

        Args:
            boxes: True boxes; a scene with fewer than O objects has places without one.
            present: Which places hold an object.

        Returns:
            Columns of an object, columns of the background (the rest is not trained), and for
            columns of an object its box relative to the anchor.
        """
        config = self.config
        size = self.config.anchor
        away = (self.anchors[:, None, :2] - boxes[:, None, :, :2]).abs()
        # Small objects still own the column that their centre lies in.
        half = (boxes[:, None, :, 3:5] / 2).clamp(min=self._least())
        share = torch.where(present[:, None], (away / half).amax(-1), torch.inf)  # B n O
        nearest, owner = share.min(dim=-1)
        positive, negative = nearest < config.positive, nearest > config.negative
        own = boxes.gather(1, owner[..., None].expand(-1, -1, 6))
        offset = (own[..., :3] - self.anchors) / size
        return positive, negative, torch.cat([offset, (own[..., 3:] / size).log()], dim=-1)

    def losses(
        self, raw: Float[Tensor, "B n 7"], boxes: Float[Tensor, "B O 6"], present: Tensor
    ) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
        """Losses of each scene: objectness (cross-entropy) and box (smooth L1).

        Columns of objects and of the background weigh the same in the objectness; of the
        background the hardest tenth weighs as much as all of it.
        """
        boxes = torch.where(present[..., None], boxes, self.config.anchor)
        positive, negative, target = self.assign(boxes, present)
        logits = raw[..., 0]
        on, off = functional.softplus(-logits), functional.softplus(logits) * negative
        count = negative.sum(-1).clamp(min=1)
        hardest = off.topk(max(1, off.shape[1] // 10), dim=-1).values.mean(-1)
        own = positive.sum(-1).clamp(min=1)
        objectness = (on * positive).sum(-1) / own + (off.sum(-1) / count + hardest) / 2
        error = functional.smooth_l1_loss(raw[..., 1:], target, reduction="none", beta=1 / 9)
        return objectness, (error.sum(-1) * positive).sum(-1) / own

    def _peaks(self, scores: Float[Tensor, "B n"]) -> Float[Tensor, "B n"]:
        """Scores where none nearby is higher, 0 elsewhere.

        Thin boxes that differ in height share too little volume for suppression to see that they
        are one object's.
        """
        reach = round(APART / self.volume.pitch)
        grid = scores.unflatten(1, self.volume.shape[1:])
        highest = functional.max_pool2d(grid, 2 * reach + 1, stride=1, padding=reach)
        return torch.where(grid == highest, grid, 0).flatten(1)

    def _least(self) -> float:
        """Half the size below which an object counts as this large, so that it owns a column."""
        return 0.55 * self.volume.pitch / self.config.positive
