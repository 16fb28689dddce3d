"""A user's own camera frame or point cloud, made into what perception takes."""

import importlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from hyperdyn.perception.errors import CameraError, DepthError, PerceptionError, PointCloudError
from hyperdyn.perception.ply import read_ply
from hyperdyn.perception.views import Views

Array = npt.NDArray[np.float64]
OTHER_FORMATS = (".pcd", ".pts", ".xyz", ".xyzn", ".xyzrgb")
GREY = 0.5
SEE_THROUGH = 0.02  # metres behind its neighbours at which a pixel shows what a gap lets through


def views_from_frame(
    rgb: npt.NDArray[np.generic],
    depth: npt.NDArray[np.generic],
    intrinsics: Array,
    pose: Array,
    *,
    depth_scale: float = 1.0,
    farthest: float = 3.0,
    size: int = 128,
) -> Views:
    """One RGB-D frame of any size as a batch of one scene with one view.

    The frame's middle square is kept and brought to `size` pixels; the intrinsics follow.

    Args:
        rgb: (h, w, 3), integers from 0 to 255 or real numbers from 0 to 1, aligned with the depth.
        depth: (h, w) along the camera's axis; 0, NaN or infinity where nothing was measured.
        intrinsics: (3, 3), pixels.
        pose: (4, 4), camera to world; `pose_over_table` finds one where none was measured.
        depth_scale: Units of `depth` in a metre: 1000 for sensors that write millimetres.
        farthest: Depth beyond which a measurement is not used, metres.
        size: Pixels along each side of what is returned.

    Raises:
        PerceptionError: If the images' shapes do not belong together.
        CameraError: If intrinsics or pose are not a camera's.
        DepthError: If nothing was measured within reach.
    """
    if depth.ndim != 2 or rgb.shape != (*depth.shape, 3):
        raise PerceptionError(
            f"views_from_frame got rgb {rgb.shape} and depth {depth.shape}; give (h, w, 3) and "
            "(h, w), aligned pixel by pixel."
        )
    _check_camera(intrinsics, pose)
    metres = depth.astype(np.float64) / depth_scale
    metres = np.where(np.isfinite(metres) & (metres > 0) & (metres < farthest), metres, 0.0)
    if not metres.any():
        raise DepthError(
            f"No pixel of the depth image is between 0 and {farthest} m; the largest finite value "
            f"is {np.nanmax(np.where(np.isfinite(depth), depth, 0)) / depth_scale:g} m. Check "
            "depth_scale (1000 for millimetres) and the sensor."
        )
    colours = rgb.astype(np.float64) / (255.0 if rgb.dtype.kind in "iu" else 1.0)
    side = min(depth.shape)
    top, left = (depth.shape[0] - side) // 2, (depth.shape[1] - side) // 2
    # The nearest pixel: between two depths, or across an object's edge, there is no surface.
    index = np.minimum(((np.arange(size) + 0.5) * side / size).astype(int), side - 1)
    rows, columns = (top + index)[:, None], (left + index)[None]
    scale = size / side
    matrix = intrinsics.astype(np.float64)
    matrix[:2, 2] -= (left, top)
    matrix[:2] *= scale
    return _views(np.clip(colours, 0, 1)[rows, columns], metres[rows, columns], matrix, pose)


def views_from_points(
    points: Array,
    colours: Array | None,
    intrinsics: Array,
    pose: Array,
    *,
    size: tuple[int, int] = (128, 128),
    splat: int = 1,
) -> Views:
    """A point cloud in the world's frame as a camera would see it: one scene, one view.

    Args:
        points: (n, 3), metres; points that are not finite are left out.
        colours: (n, 3) from 0 to 1; None paints all of them grey.
        intrinsics: (3, 3), pixels of the image to make.
        pose: (4, 4), camera to world, where the cloud was taken from.
        size: Height and width of the image.
        splat: Pixels a point covers to each side of its own, to close gaps of a sparse cloud.

    Raises:
        PointCloudError: If the shapes do not belong together, or the camera sees no point.
        CameraError: If intrinsics or pose are not a camera's.
    """
    paint = np.full_like(points, GREY) if colours is None else colours
    if points.ndim != 2 or points.shape[1] != 3 or paint.shape != points.shape:
        raise PointCloudError(
            f"views_from_points got points {points.shape} and colours "
            f"{None if colours is None else colours.shape}; give (n, 3) each, or no colours."
        )
    _check_camera(intrinsics, pose)
    usable = np.isfinite(points).all(-1)
    local = (points[usable] - pose[:3, 3]) @ pose[:3, :3]
    ahead = local[:, 2] > 1e-3
    local, paint = local[ahead], paint[usable][ahead]
    image_plane = local @ intrinsics.T
    pixels = np.floor(image_plane[:, :2] / image_plane[:, 2:]).astype(np.int64)
    depth, image = _painted(local[:, 2], paint, pixels, np.zeros((1, 2), dtype=np.int64), size)
    if splat:
        reach = np.arange(-splat, splat + 1)
        around = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2)
        wide, wide_image = _painted(local[:, 2], paint, pixels, around, size)
        # Neighbours close gaps, also where something far behind shows through.
        gap = (wide > 0) & ((depth == 0) | (wide < depth - SEE_THROUGH))
        depth, image = np.where(gap, wide, depth), np.where(gap[..., None], wide_image, image)
    if not depth.any():
        raise PointCloudError(
            f"None of {len(points)} points lies in the camera's image; are they in metres in the "
            "world's frame (table at z = 0), and is the pose camera to world?"
        )
    return _views(image, depth, intrinsics, pose)


def read_points(path: str | Path) -> tuple[Array, Array | None]:
    """Points and colours of a file: PLY by itself; PCD, PTS and XYZ through open3d.

    Args:
        path: The file.

    Returns:
        Points (n, 3), and their colours (n, 3) from 0 to 1 where the file has any.

    Raises:
        PointCloudError: If the file is missing, of another kind, damaged or empty, or needs open3d
            where that is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise PointCloudError(f"There is no file {path}.")
    if path.suffix == ".ply":
        return read_ply(path)
    if path.suffix not in OTHER_FORMATS:
        raise PointCloudError(
            f"{path} is none of the kinds read here: .ply, {', '.join(OTHER_FORMATS)}."
        )
    try:
        open3d = importlib.import_module("open3d")
    except ImportError as error:
        raise PointCloudError(
            f"Reading {path.suffix} needs open3d, which does not load here ({error}); install the "
            "extra with `pip install hyperdyn-toolkit[perception]` and the system's libusb-1.0-0, "
            "or save the cloud as PLY."
        ) from error
    cloud = open3d.io.read_point_cloud(str(path))
    if not cloud.has_points():
        raise PointCloudError(f"{path} is empty or damaged: open3d finds no point in it.")
    return np.asarray(cloud.points), np.asarray(cloud.colors) if cloud.has_colors() else None


def _painted(
    distance: Array,
    colours: Array,
    pixels: npt.NDArray[np.int64],
    shifts: npt.NDArray[np.int64],
    size: tuple[int, int],
) -> tuple[Array, Array]:
    """Depth and colour of the nearest point at each pixel, every point drawn at all the shifts."""
    height, width = size
    depth, image = np.zeros(height * width), np.zeros((height * width, 3))
    order = np.argsort(-distance, kind="stable")  # far to near: the nearest writes last
    covered = (pixels[order, None] + shifts).reshape(-1, 2)
    inside = ((covered >= 0) & (covered < [width, height])).all(-1)
    place, source = covered[inside] @ [1, width], order.repeat(len(shifts))[inside]
    depth[place], image[place] = distance[source], colours[source]
    return depth.reshape(size), image.reshape(*size, 3)


def _check_camera(intrinsics: Array, pose: Array) -> None:
    if intrinsics.shape != (3, 3) or pose.shape != (4, 4):
        raise CameraError(
            f"Got intrinsics {intrinsics.shape} and a pose {pose.shape}; give (3, 3) and (4, 4)."
        )


def _views(rgb: Array, depth: Array, intrinsics: Array, pose: Array) -> Views:
    return Views(
        torch.from_numpy(rgb).float().permute(2, 0, 1)[None, None],
        torch.from_numpy(depth).float()[None, None],
        torch.from_numpy(intrinsics).float()[None, None],
        torch.from_numpy(pose).float()[None, None],
    )
