"""E_vis: views to a map, objects, shape codes and the views from above (paper, section 3.1)."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.perception.crops import CropSpec, crop, turn_images
from hyperdyn.perception.detections import Detections
from hyperdyn.perception.detector import Detector, DetectorConfig
from hyperdyn.perception.errors import PerceptionError
from hyperdyn.perception.image_encoder import ImageEncoder
from hyperdyn.perception.map_network import MapNetwork
from hyperdyn.perception.shape import ShapeEncoder, ViewDecoder
from hyperdyn.perception.unprojection import GEOMETRY_CHANNELS, unproject
from hyperdyn.perception.views import Views
from hyperdyn.perception.volumes import Volume
from hyperdyn.perception.yaw_ring import YawRing


@dataclass(frozen=True, kw_only=True)
class VisualConfig:
    """Sizes of the visual encoder.

    Raises:
        PerceptionError: If a number is not positive.
    """

    volume: Volume = field(default_factory=Volume)
    """The space above the table that is mapped."""
    shell: float = 0.03
    """Thickness of what a seen surface fills, metres."""
    image_channels: tuple[int, ...] = (8, 16, 32, 48)
    """Channels of the image encoder's scales, finest first."""
    image_features: int = 8
    """Channels the image encoder hands to the volume."""
    map_widths: tuple[int, ...] = (24, 48, 64)
    """Channels of the map network at full, half and quarter resolution."""
    map_channels: int = 4
    """Channels of a voxel of the finished map."""
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    """Anchor and thresholds."""
    crop: CropSpec = field(default_factory=CropSpec)
    """Size of an object's crop."""
    shape_mixed: int = 16
    """F, flat features that a crop's heights and channels are mixed into."""
    shape_widths: tuple[int, int, int] = (16, 32, 32)
    """Channels of the shape encoder's convolutions (paper, in 3D: 2, 4, 8)."""
    code_dim: int = 8
    """Z, numbers in a shape code."""
    view_size: int = 32
    """Pixels along each side of the top-down view."""
    view_extent: float = 0.18
    """What the top-down view covers, metres along each side."""
    turns: int = 4
    """Turns of each crop that a training batch holds; the map behind them is the costly part."""
    jitter: float = 0.01
    """Standard deviation of the shift of crops in training, metres; detections are off as much."""

    def __post_init__(self) -> None:
        """Check the sizes."""
        positive = {
            "shell": self.shell,
            "image_features": self.image_features,
            "map_channels": self.map_channels,
            "shape_mixed": self.shape_mixed,
            "code_dim": self.code_dim,
            "view_extent": self.view_extent,
            "turns": self.turns,
        }
        wrong = [f"{name} {value}" for name, value in positive.items() if not value > 0]
        if wrong or self.jitter < 0 or not self.image_channels or not self.map_widths:
            raise PerceptionError(
                f"VisualConfig got {', '.join(wrong) or f'jitter {self.jitter}'}, image_channels "
                f"{self.image_channels} and map_widths {self.map_widths}; give positive sizes, a "
                "jitter of at least 0, and at least one width each."
            )


class Scene(NamedTuple):
    """What the encoder makes of B scenes."""

    map: Float[Tensor, "B C z y x"]
    """The feature map over the volume."""
    detections: Detections
    """The objects found."""
    raw: Float[Tensor, "B n 7"]
    """What the detector told of every column, for its losses."""


@dataclass(frozen=True)
class VisualTargets:
    """What B scenes hold; O places for objects each."""

    boxes: Float[Tensor, "B O 6"]
    """Axis-aligned boxes: centre and size, world frame, metres."""
    present: Bool[Tensor, "B O"]
    """Which places hold an object."""
    top_down: Float[Tensor, "B O h w"]
    """The view from above, 0 to 1, x to the right, y up; its middle is one point of every object,
    such as its centre of mass or its box's centre."""
    has_view: Bool[Tensor, "B O"]
    """Which objects' views are known."""
    detect: Bool[Tensor, " B"]
    """Which scenes train detection; False for scenes that are there for their shapes alone."""


class VisualLosses(NamedTuple):
    """Means over what each loss is told of; 0 where it is told of nothing."""

    detection: Tensor
    """L_det: objectness and box."""
    view: Tensor
    """L_vp: cross-entropy of the pixels of the top-down view."""

    @property
    def total(self) -> Tensor:
        """L_det + L_vp."""
        return self.detection + self.view


class VisualEncoder(nn.Module):
    """Posed RGB-D images to a 3D map, its objects, and their shape codes.

    Args:
        config: Sizes.
        generator: Source of the first weights.
    """

    def __init__(self, config: VisualConfig, *, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        volume = config.volume
        self.image_encoder = ImageEncoder(
            channels=config.image_channels, features=config.image_features, generator=generator
        )
        self.map_network = MapNetwork(
            inputs=config.image_features + GEOMETRY_CHANNELS,
            outputs=config.map_channels,
            heights=volume.shape[0],
            widths=config.map_widths,
            generator=generator,
        )
        self.detector = Detector(volume, config.map_widths[0], config.detector, generator=generator)
        self.shape_encoder = ShapeEncoder(
            config.map_channels,
            config.crop.shape,
            mixed=config.shape_mixed,
            widths=config.shape_widths,
            code_dim=config.code_dim,
            generator=generator,
        )
        self.view_decoder = ViewDecoder(config.code_dim, config.view_size, generator=generator)

    def forward(self, views: Views) -> Scene:
        """Map B scenes and find their objects."""
        config = self.config
        features = self.image_encoder(views, height_scale=config.volume.size[2])
        unprojected = unproject(views, features, config.volume, config.shell)
        scene, columns = self.map_network(unprojected)
        raw = self.detector(columns)
        with torch.no_grad():
            detections = self.detector.decode(raw)
        return Scene(scene, detections, raw)

    def features(
        self, scene: Float[Tensor, "B C z y x"], boxes: Float[Tensor, "B O _"]
    ) -> Float[Tensor, "B O F cy cx"]:
        """The map around objects, its heights mixed: what a frame leaves for codes to be made of.

        Args:
            scene: The map.
            boxes: Their boxes, or bare centres (B, O, 3); metres.
        """
        crops = crop(scene, self.config.volume, boxes[..., :3], self.config.crop)
        mixed = self.shape_encoder.mix(crops.flatten(0, 1))
        return mixed.reshape(*boxes.shape[:2], *mixed.shape[1:])

    def codes(
        self, features: Float[Tensor, "n F cy cx"], yaw: Float[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n Z"]:
        """z_vis, the shape codes of objects: the exact path of the paper's planning.

        Args:
            features: What `features` made, one row an object and turn.
            yaw: How far each is turned about the upright axis from how it was seen, radians. None
                leaves it as it was seen.
        """
        codes: Tensor = self.shape_encoder(features, yaw)
        return codes

    def ring(self, features: Float[Tensor, "n F cy cx"], *, count: int = 32) -> YawRing:
        """Codes of n objects at `count` turns each, for lookups in a planner."""
        turns = YawRing.turns(count, device=features.device).to(features.dtype)
        codes = self.codes(features.repeat_interleave(count, 0), turns.repeat(len(features)))
        return YawRing(codes.unflatten(0, (-1, count)))

    def decode(self, codes: Float[Tensor, "*batch Z"]) -> Float[Tensor, "*batch h w"]:
        """The view from above that codes stand for, 0 to 1, x to the right, y up."""
        views: Tensor = self.view_decoder(codes.flatten(0, -2)).sigmoid()
        return views.reshape(*codes.shape[:-1], *views.shape[1:])

    def losses(
        self, scene: Scene, targets: VisualTargets, *, generator: torch.Generator | None = None
    ) -> VisualLosses:
        """L_det over scenes that train detection, L_vp over objects whose views are known.

        Args:
            scene: What `forward` returned.
            targets: What the scenes hold.
            generator: With one, crops are shifted by `jitter` and turned by several yaws, labels
                with them; None for evaluation.
        """
        objectness, box = self.detector.losses(scene.raw, targets.boxes, targets.present)
        weight = targets.detect.to(box.dtype)
        detection = ((objectness + box) * weight).sum() / weight.sum().clamp(min=1)
        known = targets.has_view & targets.present
        if not bool(known.any()):
            return VisualLosses(detection, detection.new_zeros(()))
        boxes, labels = targets.boxes[..., :3], targets.top_down[known]
        if generator is None:
            codes = self.codes(self.features(scene.map, boxes)[known])
        else:
            turns = self.config.turns
            shift = torch.rand(boxes.shape, generator=generator).to(boxes) - 0.5
            boxes = boxes + shift * (12**0.5 * self.config.jitter)
            features = self.features(scene.map, boxes)[known].repeat_interleave(turns, 0)
            yaw = torch.rand(len(features), generator=generator).to(boxes) * (2 * torch.pi)
            labels = turn_images(labels.repeat_interleave(turns, 0), yaw)
            codes = self.codes(features, yaw)
        logits = self.view_decoder(codes)
        view = functional.binary_cross_entropy_with_logits(logits, labels.clamp(0, 1))
        return VisualLosses(detection, view)
