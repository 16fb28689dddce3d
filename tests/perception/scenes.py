"""Boxes and cylinders on a table, seen by an analytic ray caster: depth, boxes, footprints."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hyperdyn.perception import Views, VisualTargets

TABLE = np.array([0.55, 0.45, 0.35])
LIGHT = np.array([0.3, -0.4, 0.866])
MOST = 3


@dataclass(frozen=True, kw_only=True)
class Body:
    """A box, or an upright elliptic cylinder, that stands on the table."""

    kind: str
    centre: tuple[float, float]
    size: tuple[float, float, float]
    yaw: float = 0.0
    colour: tuple[float, float, float] = (0.8, 0.2, 0.2)

    def inside(self, xy: np.ndarray) -> np.ndarray:
        """Which points of the plane the footprint covers."""
        local = self._turned(xy - np.array(self.centre))
        share = local / (np.array(self.size[:2]) / 2)
        if self.kind == "box":
            return np.abs(share).max(-1) <= 1
        return (share**2).sum(-1) <= 1

    def box(self) -> np.ndarray:
        """Centre and size of the axis-aligned box."""
        a, b, height = self.size
        cos, sin = abs(math.cos(self.yaw)), abs(math.sin(self.yaw))
        if self.kind == "box":
            extent = (a * cos + b * sin, a * sin + b * cos)
        else:
            extent = (math.hypot(a * cos, b * sin), math.hypot(a * sin, b * cos))
        return np.array([*self.centre, height / 2, *extent, height])

    def hit(self, origin: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance along each ray (inf where it misses) and the surface's normal."""
        start = np.append(self._turned(origin[:2] - np.array(self.centre)), origin[2])
        rays = np.concatenate([self._turned(rays[..., :2]), rays[..., 2:]], axis=-1)
        half = np.array(self.size[:2]) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            slab = np.sort((np.array([[0], [self.size[2]]]) - start[2]) / rays[..., 2].ravel(), 0)
            slab = slab.reshape(2, *rays.shape[:-1])
            if self.kind == "box":
                planes = [(side * half - start[:2]) / rays[..., :2] for side in (-1, 1)]
                pairs = np.sort(np.stack(planes), axis=0)
                near, far = pairs[0].max(-1), pairs[1].min(-1)
            else:
                d, o = rays[..., :2] / half, start[:2] / half
                a, b, c = (d * d).sum(-1), (d * o).sum(-1), (o * o).sum() - 1
                root = np.sqrt(np.where(b * b - a * c > 0, b * b - a * c, np.nan))
                near, far = (-b - root) / a, (-b + root) / a
            first, last = np.fmax(near, slab[0]), np.fmin(far, slab[1])
            distance = np.where((first < last) & (first > 0) & np.isfinite(near), first, np.inf)
        point = start[:2] + np.where(np.isfinite(distance), distance, 0)[..., None] * rays[..., :2]
        share = point / half
        if self.kind == "box":
            outermost = np.abs(share) >= np.abs(share).max(-1, keepdims=True)
            side = np.where(outermost, np.sign(share), 0)
        else:
            side = share
        side = side / np.maximum(np.linalg.norm(side, axis=-1, keepdims=True), 1e-9)
        normal = np.concatenate([self._turned(side, back=True), np.zeros_like(side[..., :1])], -1)
        top = (slab[0] >= near)[..., None]
        return distance, np.where(top, [0.0, 0.0, 1.0], normal)

    def _turned(self, xy: np.ndarray, back: bool = False) -> np.ndarray:
        angle = self.yaw if back else -self.yaw
        cos, sin = math.cos(angle), math.sin(angle)
        return xy @ np.array([[cos, sin], [-sin, cos]])


def camera(
    azimuth: float, elevation: float = math.radians(60), distance: float = 1.0
) -> np.ndarray:
    """Pose of a camera that looks at a point 0.1 m above the table's centre."""
    target = np.array([0, 0, 0.1])
    away = np.array(
        [
            math.cos(elevation) * math.cos(azimuth),
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
        ]
    )
    forward = -away
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = target + distance * away
    return pose


def intrinsics(size: int, field_of_view: float = 45.0) -> np.ndarray:
    focal = size / 2 / math.tan(math.radians(field_of_view) / 2)
    return np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]])


def render(
    bodies: list[Body], pose: np.ndarray, matrix: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colour (h, w, 3), z-depth and the index of the body seen (-1 for the table)."""
    v, u = np.mgrid[:size, :size] + 0.5
    pixels = np.stack([u, v, np.ones_like(u)], axis=-1)
    rays = pixels @ np.linalg.inv(matrix).T @ pose[:3, :3].T  # z-depth 1 each
    origin = pose[:3, 3]
    depth = np.where(rays[..., 2] < 0, -origin[2] / rays[..., 2], 0.0)
    points = origin + depth[..., None] * rays
    checks = ((np.floor(points[..., 0] / 0.1) + np.floor(points[..., 1] / 0.1)) % 2)[..., None]
    rgb = TABLE * (0.85 + 0.15 * checks)
    seen = np.full((size, size), -1)
    for index, body in enumerate(bodies):
        distance, normal = body.hit(origin, rays)
        nearer = distance < depth
        shade = 0.5 + 0.5 * np.clip(normal @ LIGHT, 0, 1)[..., None]
        rgb = np.where(nearer[..., None], np.array(body.colour) * shade, rgb)
        depth = np.where(nearer, distance, depth)
        seen[nearer] = index
    return rgb, depth, seen


def footprint(body: Body, size: int, extent: float) -> np.ndarray:
    """The view from above around the box's centre, x to the right, y up."""
    fine = 4 * size
    axis = ((np.arange(fine) + 0.5) / fine - 0.5) * extent
    y, x = np.meshgrid(-axis, axis, indexing="ij")
    covered = body.inside(np.stack([x, y], -1) + np.array(body.centre))
    return covered.reshape(size, 4, size, 4).mean((1, 3))


def random_bodies(rng: np.random.Generator, count: int) -> list[Body]:
    """Bodies of 6 to 12 cm that do not touch."""
    bodies: list[Body] = []
    while len(bodies) < count:
        centre = rng.uniform(-0.22, 0.22, 2)
        if all(np.linalg.norm(centre - body.centre) > 0.17 for body in bodies):
            a, b = rng.uniform(0.05, 0.11, 2)
            bodies.append(
                Body(
                    kind=str(rng.choice(["box", "cylinder"])),
                    centre=(float(centre[0]), float(centre[1])),
                    size=(float(a), float(b), float(rng.uniform(0.02, 0.1))),
                    yaw=float(rng.uniform(0, 2 * math.pi)),
                    colour=tuple(rng.uniform(0.1, 0.9, 3)),
                )
            )
    return bodies


def views_of(scenes: list[list[Body]], azimuths: np.ndarray, size: int = 128) -> Views:
    """Views of scenes from cameras around the table; azimuths (B, V)."""
    matrix = intrinsics(size)
    rgb, depth, poses = [], [], []
    for bodies, row in zip(scenes, azimuths, strict=True):
        for azimuth in row:
            pose = camera(float(azimuth))
            image, distance, _ = render(bodies, pose, matrix, size)
            rgb.append(image.transpose(2, 0, 1))
            depth.append(distance)
            poses.append(pose)
    shape = azimuths.shape

    def stacked(parts: list[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.stack(parts)).float().unflatten(0, shape)

    return Views(stacked(rgb), stacked(depth), stacked([matrix] * len(poses)), stacked(poses))


def targets_of(scenes: list[list[Body]], size: int = 32, extent: float = 0.18) -> VisualTargets:
    """Boxes and views from above of up to MOST bodies a scene."""
    boxes = torch.zeros(len(scenes), MOST, 6)
    present = torch.zeros(len(scenes), MOST, dtype=torch.bool)
    top_down = torch.zeros(len(scenes), MOST, size, size)
    for scene, bodies in enumerate(scenes):
        for place, body in enumerate(bodies):
            boxes[scene, place] = torch.from_numpy(body.box()).float()
            present[scene, place] = True
            top_down[scene, place] = torch.from_numpy(footprint(body, size, extent)).float()
    detect = torch.ones(len(scenes), dtype=torch.bool)
    return VisualTargets(boxes, present, top_down, present.clone(), detect)
