"""E_vis: views to a map, objects, shape codes and the views from above (paper, section 3.1)."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.perception.crops import CropSpec, crop, reorient, turn_images
from hyperdyn.perception.detections import Detections
from hyperdyn.perception.detector import Detector, DetectorConfig
from hyperdyn.perception.errors import PerceptionError
from hyperdyn.perception.image_encoder import ImageEncoder
from hyperdyn.perception.map_network import MapNetwork
from hyperdyn.perception.rotations import yaw_matrices
from hyperdyn.perception.shape import Form, ShapeEncoder, ViewDecoder
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
    image_channels: tuple[int, ...] = (16, 32, 48)
    """Channels of the image encoder's scales, finest first."""
    image_features: int = 4
    """Channels each scale hands to the volume."""
    map_widths: tuple[int, ...] = (32, 64, 96)
    """Channels of the map network at full, half and quarter resolution."""
    map_channels: int = 8
    """Channels of a voxel of the finished map."""
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    """Anchor and thresholds."""
    crop: CropSpec = field(default_factory=CropSpec)
    """Size of an object's crop."""
    shape_form: Form = "slices"
    """Heights as channels of 2D convolutions, or "3d"."""
    shape_widths: tuple[int, int, int] = (16, 32, 32)
    """Channels of the shape encoder (paper, "3d": 2, 4, 8)."""
    code_dim: int = 8
    """Z, numbers in a shape code."""
    view_size: int = 32
    """Pixels along each side of the top-down view."""
    view_extent: float = 0.2
    """What the top-down view covers, metres along each side."""
    jitter: float = 0.01
    """Standard deviation of the shift of crops in training, metres; detections are off as much."""

    def __post_init__(self) -> None:
        """Check the sizes."""
        positive = {
            "shell": self.shell,
            "image_features": self.image_features,
            "map_channels": self.map_channels,
            "code_dim": self.code_dim,
            "view_extent": self.view_extent,
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
        volume, scales = config.volume, len(config.image_channels)
        self.image_encoder = ImageEncoder(
            channels=config.image_channels, features=config.image_features, generator=generator
        )
        self.map_network = MapNetwork(
            inputs=scales * config.image_features + GEOMETRY_CHANNELS,
            outputs=config.map_channels,
            heights=volume.shape[0],
            widths=config.map_widths,
            generator=generator,
        )
        self.detector = Detector(volume, config.map_widths[0], config.detector, generator=generator)
        self.shape_encoder = ShapeEncoder(
            config.map_channels,
            config.crop.shape,
            widths=config.shape_widths,
            code_dim=config.code_dim,
            form=config.shape_form,
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

    def crop(
        self, scene: Float[Tensor, "B C z y x"], boxes: Float[Tensor, "B O _"]
    ) -> Float[Tensor, "B O C cz cy cx"]:
        """M_obj, the map around each box (or bare centre), axes along the world's."""
        return crop(scene, self.config.volume, boxes[..., :3], self.config.crop)

    def encode(
        self,
        scene: Float[Tensor, "B C z y x"],
        boxes: Float[Tensor, "B O _"],
        turn: Float[Tensor, "B O"] | Float[Tensor, "B O 3 3"] | None = None,
    ) -> Float[Tensor, "B O Z"]:
        """z_vis, the shape codes of objects.

        Args:
            scene: The map.
            boxes: Their boxes, or bare centres (B, O, 3); metres.
            turn: How far each is turned about its centre from how it was seen: yaw in radians
                (B, O), or rotations (B, O, 3, 3). None leaves it as it was seen.
        """
        if turn is not None and turn.ndim == 2:
            turn = yaw_matrices(turn)
        crops = crop(scene, self.config.volume, boxes[..., :3], self.config.crop, turn)
        codes: Tensor = self.shape_encoder(crops.flatten(0, 1))
        return codes.reshape(*boxes.shape[:2], -1)

    def encode_crops(
        self, crops: Float[Tensor, "n C cz cy cx"], rotations: Float[Tensor, "n 3 3"]
    ) -> Float[Tensor, "n Z"]:
        """Shape codes of kept crops, each turned first: the exact path of the paper's planning."""
        code: Tensor = self.shape_encoder(reorient(crops, rotations))
        return code

    def ring(
        self, scene: Float[Tensor, "B C z y x"], boxes: Float[Tensor, "B _"], *, count: int
    ) -> YawRing:
        """Codes of one object a scene at `count` turns, for lookups in a planner."""
        turns = YawRing.turns(count, device=scene.device).to(scene.dtype)
        places = boxes[:, None].expand(-1, count, -1)
        return YawRing(self.encode(scene, places, turns.expand(len(boxes), -1)))

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
            generator: With one, crops are shifted by `jitter` and turned by any yaw, labels with
                them; None for evaluation.
        """
        objectness, box = self.detector.losses(scene.raw, targets.boxes, targets.present)
        weight = targets.detect.to(box.dtype)
        detection = ((objectness + box) * weight).sum() / weight.sum().clamp(min=1)
        known = targets.has_view & targets.present
        if not bool(known.any()):
            return VisualLosses(detection, detection.new_zeros(()))
        # Objects of all scenes in one row: a scene has few, and not all have labels.
        owner, _ = known.nonzero(as_tuple=True)
        centres, labels = targets.boxes[known][:, :3], targets.top_down[known]
        yaw = torch.zeros_like(centres[:, 0])
        if generator is not None:
            drawn = torch.rand(len(owner), 4, generator=generator).to(centres)
            yaw = drawn[:, 3] * (2 * torch.pi)
            centres = centres + (drawn[:, :3] - 0.5) * (12**0.5 * self.config.jitter)
            labels = turn_images(labels, yaw)
        codes = self.encode(scene.map[owner], centres[:, None], yaw[:, None])[:, 0]
        logits = self.view_decoder(codes)
        view = functional.binary_cross_entropy_with_logits(logits, labels.clamp(0, 1))
        return VisualLosses(detection, view)
