"""Cameras and depth images that cannot be used are refused, each by name."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hyperdyn.perception import (
    CameraError,
    CropSpec,
    DepthError,
    DetectorConfig,
    PerceptionError,
    ViewDecoder,
    Views,
    VisualConfig,
    Volume,
    YawRing,
)
from tests.perception.scenes import views_of

pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.fixture
def views() -> Views:
    return views_of([[], []], np.zeros((2, 1)), size=16)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5])
def test_depth_that_is_no_number_says_where_and_how_to_mend_it(views: Views, value: float):
    depth = views.depth.clone()
    depth[1, 0, 3, 4] = value
    with pytest.raises(DepthError, match=r"scene 1, view 0 holds 1 pixels .* 0 where nothing was"):
        replace(views, depth=depth)


def test_depth_of_nothing_but_zero_is_refused_and_some_zeros_are_not(views: Views):
    depth = views.depth.clone()
    depth[0, 0, :8] = 0
    replace(views, depth=depth)
    depth[0] = 0
    with pytest.raises(DepthError, match="scene 0, view 0 is zero everywhere"):
        replace(views, depth=depth)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("intrinsics", (2, 1, 3, 4)), ("intrinsics", (3, 3)), ("poses", (2, 1, 3, 4))],
)
def test_matrices_of_another_shape_are_refused(views: Views, name: str, shape: tuple[int, ...]):
    with pytest.raises(CameraError, match=rf"{name} of shape .* give one"):
        replace(views, **{name: torch.ones(shape)})


@pytest.mark.parametrize(
    ("place", "value"), [((0, 0), -100.0), ((2, 2), 0.0), ((1, 0), 0.5), ((0, 2), float("nan"))]
)
def test_matrices_that_are_no_intrinsics_are_refused(views: Views, place: tuple, value: float):
    intrinsics = views.intrinsics.clone()
    intrinsics[1, 0][place] = value
    with pytest.raises(CameraError, match="Intrinsics must be finite"):
        replace(views, intrinsics=intrinsics)


@pytest.mark.parametrize("fault", ["scaled", "mirrored", "sheared", "nan", "last row"])
def test_poses_that_are_not_rigid_are_refused(views: Views, fault: str):
    poses = views.poses.clone()
    pose = poses[1, 0]
    if fault == "scaled":
        pose[:3, :3] *= 1.01
    elif fault == "mirrored":
        pose[:3, 0] *= -1
    elif fault == "sheared":
        pose[0, 1] += 0.05
    elif fault == "nan":
        pose[0, 3] = float("nan")
    else:
        pose[3, 0] = 1.0
    with pytest.raises(CameraError, match=r"must be rigid.*got"):
        replace(views, poses=poses)


def test_images_that_do_not_belong_together_are_refused(views: Views):
    with pytest.raises(PerceptionError, match="of the same images"):
        replace(views, rgb=views.rgb[..., :8])


def test_sizes_that_make_no_sense_are_refused():
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(PerceptionError, match="positive pitch"):
        Volume(pitch=0.0)
    with pytest.raises(PerceptionError, match="positive pitch"):
        CropSpec(shape=(0, 16, 16))
    with pytest.raises(PerceptionError, match="0 < positive <= negative"):
        DetectorConfig(positive=2.0)
    with pytest.raises(PerceptionError, match="the threshold below 1"):
        DetectorConfig(score_threshold=1.0)
    with pytest.raises(PerceptionError, match="1 to 64 objects"):
        DetectorConfig(most=0)
    with pytest.raises(PerceptionError, match="code_dim 0"):
        VisualConfig(code_dim=0)
    with pytest.raises(PerceptionError, match="multiple of 8"):
        ViewDecoder(8, 30, generator=generator)
    with pytest.raises(PerceptionError, match="at least four turns"):
        YawRing(torch.zeros(1, 3, 8))
