"""Where the cameras stand, and what they see: colours, distances, labels and their geometry."""

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, UInt8

from hyperdyn.envs.pushing.world import World
from hyperdyn.errors import InputError

BACKGROUND, TABLE, ROBOT, OBJECT = 0, 1, 2, 3
"""Labels of a segmentation; obstacles are OBJECT + 1, OBJECT + 2, …"""

LOOK_AT = (0.0, 0.0, 0.1)
_NEAR, _FAR = 0.1, 3.0  # m
_LIGHT = (-0.4, 0.3, 1.0)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera on a sphere around the point 0.1 m above the table's centre.

    Attributes:
        azimuth: Radians about the vertical: 0 faces the robot over the table, π/2 stands on the
            robot's left, −π/2 on its right.
        elevation: Radians above the horizontal.
        distance: From the point looked at, m.
        width: Pixels.
        height: Pixels.
        field_of_view: Vertical, radians. The default sees the whole table from 1 m.
    """

    azimuth: float
    elevation: float = math.radians(60.0)
    distance: float = 1.0
    width: int = 128
    height: int = 128
    field_of_view: float = math.radians(52.0)

    @property
    def position(self) -> Float[np.ndarray, "3"]:
        """World position of the camera's centre, m."""
        across = math.cos(self.elevation)
        toward = np.array(
            [
                across * math.cos(self.azimuth),
                across * math.sin(self.azimuth),
                math.sin(self.elevation),
            ]
        )
        return np.asarray(np.array(LOOK_AT) + self.distance * toward)

    @property
    def pose(self) -> Float[np.ndarray, "4 4"]:
        """Camera to world; x right, y down, z forward."""
        forward = np.array(LOOK_AT) - self.position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack((right, np.cross(forward, right), forward), axis=1)
        pose[:3, 3] = self.position
        return pose

    @property
    def intrinsics(self) -> Float[np.ndarray, "3 3"]:
        """Focal lengths and principal point, pixels; the first pixel's centre is (0.5, 0.5)."""
        focal = self.height / 2 / math.tan(self.field_of_view / 2)
        return np.array(
            [[focal, 0.0, self.width / 2], [0.0, focal, self.height / 2], [0.0, 0.0, 1.0]]
        )


VIEWS: tuple[Camera, ...] = tuple(
    Camera(azimuth=math.radians(90.0 - 22.5 * index)) for index in range(9)
)
"""HyperDynamics A.1: nine azimuths from the robot's left to its right, elevation 60 degrees."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One picture.

    Attributes:
        rgb: Colours.
        depth: Distance along the camera's forward axis (not along the ray), m; 0 where nothing is.
        segmentation: 0 background, 1 table, 2 robot, 3 the object, 4 and up the obstacles.
        intrinsics: Pixel (column c, row r) has its centre at (c + 0.5, r + 0.5).
        pose: Camera to world; x right, y down, z forward.
        boxes: Axis-aligned boxes of all objects, the pushed one first, in world coordinates, m:
            lowest corner, then highest.
    """

    rgb: UInt8[np.ndarray, "h w 3"]
    depth: Float[np.ndarray, "h w"]
    segmentation: Int[np.ndarray, "h w"]
    intrinsics: Float[np.ndarray, "3 3"]
    pose: Float[np.ndarray, "4 4"]
    boxes: Float[np.ndarray, "objects 6"] = field(default_factory=lambda: np.empty((0, 6)))


def view_camera(index: int) -> Camera:
    """One of the nine cameras.

    Raises:
        InputError: If `index` is not 0 to 8.
    """
    if not 0 <= index < len(VIEWS):
        raise InputError(f"There are {len(VIEWS)} views, 0 to {len(VIEWS) - 1}; got {index}.")
    return VIEWS[index]


def take(world: World, camera: Camera) -> View:
    """Take a picture with PyBullet's own software renderer, without shadows."""
    rgba, buffer, bodies = _render(world, camera)
    # The buffer is not linear in distance: 0 at the near plane, 1 at the far one and beyond.
    distance = _FAR * _NEAR / (_FAR - (_FAR - _NEAR) * buffer.astype(np.float64))
    return View(
        rgb=np.ascontiguousarray(rgba[..., :3]),
        depth=np.where(bodies < 0, 0.0, distance).astype(np.float32),
        segmentation=_labels(world, bodies),
        intrinsics=camera.intrinsics,
        pose=camera.pose,
        boxes=boxes(world),
    )


def boxes(world: World) -> Float[np.ndarray, "objects 6"]:
    """Axis-aligned boxes of all objects: lowest corner, then highest, world coordinates, m."""
    found = []
    for index in range(len(world.bodies)):
        corners = world.corners(index)
        found.append(np.concatenate((corners.min(axis=0), corners.max(axis=0))))
    return np.array(found).reshape(-1, 6)


def _render(
    world: World, camera: Camera
) -> tuple[UInt8[np.ndarray, "h w 4"], Float[np.ndarray, "h w"], Int[np.ndarray, "h w"]]:
    """Colours, depth buffer, and PyBullet's body numbers (−1 where nothing is)."""
    projection = np.array(
        world.call(
            "computeProjectionMatrixFOV",
            math.degrees(camera.field_of_view),
            camera.width / camera.height,
            _NEAR,
            _FAR,
        )
    )
    # The renderer samples pixels at their corners. Half a pixel's shift makes that their centres.
    projection[8], projection[9] = 1 / camera.width, 1 / camera.height
    view = np.linalg.inv(camera.pose @ np.diag([1.0, -1.0, -1.0, 1.0]))
    _, _, rgba, buffer, bodies = world.call(
        "getCameraImage",
        camera.width,
        camera.height,
        viewMatrix=view.T.ravel().tolist(),
        projectionMatrix=projection.tolist(),
        lightDirection=_LIGHT,
        shadow=0,
        renderer=world.constant("ER_TINY_RENDERER"),
    )
    shape = camera.height, camera.width
    return (
        np.asarray(rgba, np.uint8).reshape(*shape, 4),
        np.asarray(buffer, np.float32).reshape(shape),
        np.asarray(bodies, np.int32).reshape(shape),
    )


def _labels(world: World, bodies: Int[np.ndarray, "h w"]) -> Int[np.ndarray, "h w"]:
    labels = np.full(bodies.shape, BACKGROUND, np.int32)
    numbers = (world.table, world.robot, *world.bodies)
    for label, number in enumerate(numbers, start=TABLE):
        labels[bodies == number] = label
    return labels
