"""Posed RGB-D images: what perception starts from."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.perception.errors import CameraError, DepthError, PerceptionError

RIGID_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Views:
    """V posed RGB-D images of each of B scenes.

    Cameras look along their z axis, x to the right and y down; the world's z axis points up, the
    table's top is at z = 0 and the table's centre at the origin. Depth is the z coordinate in the
    camera's frame, not the length of the ray; 0 marks a pixel without a measurement. Pixel (u, v)
    covers the square from (u, v) to (u + 1, v + 1), so its centre is at (u + 0.5, v + 0.5).

    Raises:
        PerceptionError: If the shapes do not belong together.
        CameraError: If a matrix of intrinsics or a pose is not one.
        DepthError: If a depth image holds NaN, infinity or a negative number, or nothing but 0.
    """

    rgb: Float[Tensor, "B V 3 h w"]
    """Colours from 0 to 1."""
    depth: Float[Tensor, "B V h w"]
    """Metres along the camera's axis; 0 where nothing was measured."""
    intrinsics: Float[Tensor, "B V 3 3"]
    """Focal lengths and principal point, pixels."""
    poses: Float[Tensor, "B V 4 4"]
    """Camera to world."""

    def __post_init__(self) -> None:
        """Check shapes, cameras and depth."""
        if self.depth.ndim != 4 or self.rgb.shape != (*self.depth.shape[:2], 3, *self.size):
            raise PerceptionError(
                f"Views got rgb {tuple(self.rgb.shape)} and depth {tuple(self.depth.shape)}; give "
                "(B, V, 3, h, w) and (B, V, h, w) of the same images (add leading axes of 1 for "
                "one view of one scene)."
            )
        for name, matrices, wanted in (
            ("intrinsics", self.intrinsics, (3, 3)),
            ("poses", self.poses, (4, 4)),
        ):
            if matrices.shape != (*self.depth.shape[:2], *wanted):
                raise CameraError(
                    f"Views got {name} of shape {tuple(matrices.shape)} for depth "
                    f"{tuple(self.depth.shape)}; give one {wanted[0]} × {wanted[1]} matrix a view, "
                    f"shape {(*self.depth.shape[:2], *wanted)}."
                )
        check_intrinsics(self.intrinsics)
        check_poses(self.poses)
        check_depth(self.depth)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images, pixels."""
        return (self.depth.shape[-2], self.depth.shape[-1])

    def __len__(self) -> int:
        """B, the number of scenes."""
        return len(self.depth)

    def __getitem__(self, index: int | slice | Tensor) -> "Views":
        """Select scenes; an integer keeps the leading axis."""
        if isinstance(index, int):
            index = slice(index, index + 1) if index != -1 else slice(-1, None)
        return Views(self.rgb[index], self.depth[index], self.intrinsics[index], self.poses[index])

    def select(self, views: slice) -> "Views":
        """Select views of every scene."""
        return Views(
            self.rgb[:, views],
            self.depth[:, views],
            self.intrinsics[:, views],
            self.poses[:, views],
        )

    def to(self, device: torch.device | str) -> "Views":
        """The same views on another device."""
        return Views(
            self.rgb.to(device),
            self.depth.to(device),
            self.intrinsics.to(device),
            self.poses.to(device),
        )


def check_intrinsics(intrinsics: Tensor) -> None:
    """Raise `CameraError` unless each matrix is [[fx, s, cx], [0, fy, cy], [0, 0, 1]]."""
    lower = intrinsics[..., [1, 2, 2, 2], [0, 0, 1, 2]] - intrinsics.new_tensor([0, 0, 0, 1])
    focal = intrinsics[..., [0, 1], [0, 1]]
    if not bool(torch.isfinite(intrinsics).all() & (lower.abs() < 1e-6).all() & (focal > 0).all()):
        raise CameraError(
            "Intrinsics must be finite, [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0 in "
            f"pixels; got {_worst(intrinsics, lower.abs().amax(-1) + (focal <= 0).any(-1))}."
        )


def check_poses(poses: Tensor) -> None:
    """Raise `CameraError` unless each pose is a rotation and a shift."""
    rotation = poses[..., :3, :3]
    identity = torch.eye(3, dtype=poses.dtype, device=poses.device)
    error = (rotation @ rotation.mT - identity).abs().amax((-2, -1))
    error = torch.maximum(error, (torch.linalg.det(rotation.double()) - 1).abs().to(error))
    last = poses[..., 3, :] - poses.new_tensor([0, 0, 0, 1])
    error = torch.maximum(error, last.abs().amax(-1))
    if not bool(torch.isfinite(poses).all() & (error < RIGID_TOLERANCE).all()):
        raise CameraError(
            "Poses (camera to world, metres) must be rigid: an orthonormal right-handed rotation, "
            f"a shift and the row 0 0 0 1; got {_worst(poses, error)}. Scale and mirroring belong "
            "in the points, not in the pose."
        )


def check_depth(depth: Tensor) -> None:
    """Raise `DepthError` unless each image is finite, not negative, and measured somewhere."""
    flat = depth.flatten(2)
    bad = ~(torch.isfinite(flat) & (flat >= 0)).all(-1)
    if bool(bad.any()):
        scene, view = (int(i) for i in bad.nonzero()[0])
        count = int((~(torch.isfinite(flat) & (flat >= 0)))[scene, view].sum())
        raise DepthError(
            f"The depth image of scene {scene}, view {view} holds {count} pixels that are NaN, "
            "infinite or negative; give metres along the camera's axis, and 0 where nothing was "
            "measured (torch.nan_to_num does that for a sensor that writes NaN)."
        )
    empty = (flat == 0).all(-1)
    if bool(empty.any()):
        scene, view = (int(i) for i in empty.nonzero()[0])
        raise DepthError(
            f"The depth image of scene {scene}, view {view} is zero everywhere: nothing was "
            "measured. Check the sensor, or leave this view out."
        )


def _worst(matrices: Tensor, error: Tensor) -> str:
    index = int(torch.nan_to_num(error.flatten(), nan=torch.inf).argmax())
    return str([[round(x, 4) for x in row] for row in matrices.flatten(0, -3)[index].tolist()])
