"""A user's own frames, point clouds and files, good and bad."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from hyperdyn.perception import (
    CameraError,
    DepthError,
    PerceptionError,
    PointCloudError,
    depth_to_points,
    fit_plane,
    pose_over_table,
    read_points,
    views_from_frame,
    views_from_points,
)
from tests.perception.scenes import Body, camera, intrinsics, render

BLOCK = Body(kind="box", centre=(0.05, -0.08), size=(0.10, 0.07, 0.06), yaw=0.4)
POSE = camera(0.6)


def frame(size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    rgb, depth, _ = render([BLOCK], POSE, intrinsics(size), size)
    return rgb, depth


def test_a_frame_of_millimetres_with_gaps_becomes_the_same_views():
    rgb, depth = frame()
    raw = np.round(depth * 1000).astype(np.uint16)
    raw[:5] = 0
    views = views_from_frame(
        (rgb * 255).astype(np.uint8), raw, intrinsics(128), POSE, depth_scale=1000.0
    )
    assert views.depth.shape == (1, 1, 128, 128)
    assert (views.depth[0, 0, :5] == 0).all()
    assert (views.depth[0, 0, 5:] - torch.from_numpy(depth[5:]).float()).abs().max() < 6e-4
    assert (views.rgb[0, 0].permute(1, 2, 0) - torch.from_numpy(rgb)).abs().max() < 5e-3


def test_a_wide_frame_is_cut_and_shrunk_with_its_intrinsics():
    rgb, depth = frame(384)
    wide = [np.pad(x, [(0, 0), (64, 30)] + [(0, 0)] * (x.ndim - 2)) for x in (rgb, depth)]
    wide[1][200, 100] = np.nan
    matrix = intrinsics(384)
    matrix[0, 2] += 64
    views = views_from_frame(wide[0], wide[1], matrix, POSE)
    points = depth_to_points(views.depth, views.intrinsics, views.poses)[views.depth > 0]
    top = points[points[:, 2] > 0.055]
    assert len(top) > 50
    assert ((points[:, 2] > -0.004) & (points[:, 2] < 0.064)).all()
    assert (top[:, :2].mean(0) - torch.tensor(BLOCK.centre)).abs().max() < 0.01


@pytest.mark.usefixtures("unchecked")
def test_frames_that_cannot_be_used_are_refused():
    rgb, depth = frame()
    with pytest.raises(PerceptionError, match="aligned pixel by pixel"):
        views_from_frame(rgb[:64], depth, intrinsics(128), POSE)
    with pytest.raises(CameraError, match=r"give \(3, 3\) and \(4, 4\)"):
        views_from_frame(rgb, depth, intrinsics(128)[:2], POSE)
    with pytest.raises(DepthError, match="depth_scale"):
        views_from_frame(rgb, depth * 1000, intrinsics(128), POSE)
    with pytest.raises(DepthError, match="No pixel"):
        views_from_frame(rgb, np.full_like(depth, np.nan), intrinsics(128), POSE)
    with pytest.raises(CameraError, match="rigid"):
        views_from_frame(rgb, depth, intrinsics(128), 2 * POSE)


def cloud() -> tuple[np.ndarray, np.ndarray]:
    """The scene's surface as points in the world, from a finer camera."""
    rgb, depth, _ = render([BLOCK], POSE, intrinsics(256), 256)
    parts = (torch.from_numpy(x) for x in (depth, intrinsics(256), POSE))
    return depth_to_points(*parts).flatten(0, 1).numpy(), rgb.reshape(-1, 3)


def test_a_point_cloud_becomes_the_image_its_camera_took():
    points, colours = cloud()
    bad = np.full((3, 3), np.nan)
    views = views_from_points(
        np.vstack([points, bad]), np.vstack([colours, np.zeros((3, 3))]), intrinsics(128), POSE
    )
    rgb, depth = frame()
    away = (views.depth[0, 0] - torch.from_numpy(depth)).abs()
    assert (away < 0.006).float().mean() > 0.98
    off = (views.rgb[0, 0].permute(1, 2, 0) - torch.from_numpy(rgb)).abs().amax(-1)
    assert (off < 0.1).float().mean() > 0.95


def test_gaps_of_a_sparse_cloud_are_closed_by_the_nearest():
    points, _ = cloud()
    sparse = points[::5]
    closed, open_ = (
        views_from_points(sparse, None, intrinsics(128), POSE, splat=splat).depth
        for splat in (1, 0)
    )
    assert (open_ == 0).float().mean() > 0.1
    assert (closed == 0).float().mean() < 0.02


@pytest.mark.usefixtures("unchecked")
def test_clouds_that_cannot_be_used_are_refused():
    points, colours = cloud()
    with pytest.raises(PointCloudError, match=r"\(n, 3\) each"):
        views_from_points(points, colours[:5], intrinsics(128), POSE)
    with pytest.raises(PointCloudError, match="None of"):
        views_from_points(points + np.array([0, 0, 50]), colours, intrinsics(128), POSE)


def test_the_camera_finds_its_pose_over_the_table():
    depth = torch.from_numpy(frame()[1])
    matrix = torch.from_numpy(intrinsics(128))
    local = depth_to_points(depth, matrix, torch.eye(4, dtype=depth.dtype)).flatten(0, 1).numpy()
    noisy = local + np.random.default_rng(0).normal(0, 0.001, local.shape)
    pose = pose_over_table(noisy, rng=np.random.default_rng(1))
    assert pose[2, 3] == pytest.approx(POSE[2, 3], abs=0.003)
    tilt = np.degrees(np.arccos(pose[2, :3] @ POSE[2, :3]))
    assert tilt < 0.5
    assert np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9)
    world = noisy @ pose[:3, :3].T + pose[:3, 3]
    assert world[:, 2].max() == pytest.approx(0.06, abs=0.006)
    middle = world.reshape(128, 128, 3)[63:65, 63:65].mean((0, 1))
    assert np.abs(middle[:2]).max() < 0.03


def test_points_without_a_table_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(PointCloudError, match="No plane holds a tenth"):
        fit_plane(rng.uniform(-1, 1, (2000, 3)), rng=rng)
    with pytest.raises(PointCloudError, match="at least 3"):
        fit_plane(np.full((10, 3), np.nan), rng=rng)


def write_ply(path: Path, kind: str, points: np.ndarray, colours: np.ndarray) -> None:
    order = ">" if "big" in kind else "<"
    header = (
        f"ply\nformat {kind} 1.0\ncomment made here\nelement vertex {len(points)}\n"
        "property float x\nproperty float y\nproperty double z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        "element face 0\nproperty list uchar int vertex_indices\nend_header\n"
    )
    names = [(n, order + "f4") for n in "xy"] + [("z", order + "f8")]
    table = np.empty(len(points), dtype=names + [(n, "u1") for n in ("r", "g", "b")])
    for index, name in enumerate("xyz"):
        table[name] = points[:, index]
    for index, name in enumerate("rgb"):
        table[name] = np.round(colours[:, index] * 255)
    text = "\n".join(" ".join(str(value) for value in row) for row in table.tolist()) + "\n"
    body = text.encode() if kind == "ascii" else table.tobytes()
    path.write_bytes(header.encode() + body)


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_files_of_every_kind_are_read(kind: str, tmp_path: Path):
    points, colours = (x[::97] for x in cloud())
    write_ply(tmp_path / "cloud.ply", kind, points, colours)
    found, hues = read_points(tmp_path / "cloud.ply")
    assert np.allclose(found, points, atol=1e-6)
    assert hues is not None
    assert np.allclose(hues, colours, atol=3e-3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"obj\n", "does not begin with 'ply'"),
        (b"ply\nformat ascii 1.0\nend_header\n", "no header that can be read"),
        (b"ply\nformat ascii 1.0\nelement face 1\nelement vertex 1\n", "vertices before all else"),
        (
            b"ply\nformat binary_little_endian 1.0\nelement vertex 9000000\nproperty float x\n"
            b"property float y\nproperty float z\nend_header\n1234",
            "cut short",
        ),
        (
            b"ply\nformat binary_little_endian 1.0\nelement vertex 99000000000\nproperty float x\n"
            b"property float y\nproperty float z\nend_header\n1234",
            "20,000,000",
        ),
        (
            b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\n"
            b"property float z\nend_header\n1 2 3\n4 5\n",
            "point 1: 2 numbers",
        ),
        (
            b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\n"
            b"property float z\nend_header\n1 2 dog\n",
            "not a number",
        ),
        (
            b"ply\nformat ascii 1.0\nelement vertex 1\nproperty list uchar int x\nend_header\n",
            "only plain numbers",
        ),
        (b"\xff\x00" * 5000, "does not begin with 'ply'"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_ply_files_that_cannot_be_read_say_why(content: bytes, reason: str, tmp_path: Path):
    (tmp_path / "bad.ply").write_bytes(content)
    with pytest.raises(PointCloudError, match=reason):
        read_points(tmp_path / "bad.ply")


def test_files_that_are_missing_or_of_another_kind_are_refused(tmp_path: Path):
    with pytest.raises(PointCloudError, match="no file"):
        read_points(tmp_path / "none.ply")
    (tmp_path / "mesh.fbx").write_text("")
    with pytest.raises(PointCloudError, match="none of the kinds"):
        read_points(tmp_path / "mesh.fbx")


def test_other_formats_name_the_extra_where_open3d_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    (tmp_path / "cloud.xyz").write_text("0 0 0\n")
    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(PointCloudError, match=r"hyperdyn-toolkit\[perception\]"):
        read_points(tmp_path / "cloud.xyz")


def test_other_formats_are_read_through_open3d(tmp_path: Path):
    pytest.importorskip("open3d", exc_type=ImportError)
    (tmp_path / "cloud.xyz").write_text("0 0 0\n0.1 0.2 0.3\n")
    points, colours = read_points(tmp_path / "cloud.xyz")
    assert np.allclose(points, [[0, 0, 0], [0.1, 0.2, 0.3]])
    assert colours is None
