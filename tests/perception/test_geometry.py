"""Depth to points and back, and the volume, against the ray caster's exact geometry."""

import math

import numpy as np
import pytest
import torch

from hyperdyn.perception import Views, Volume, depth_to_points, project, unproject
from hyperdyn.perception.geometry import pixel_centres
from hyperdyn.perception.unprojection import observe
from tests.perception.scenes import Body, views_of

BLOCK = Body(kind="box", centre=(0.05, -0.08), size=(0.10, 0.07, 0.06), yaw=0.4)
SHELL = 0.03


def test_points_of_a_depth_image_lie_on_the_table_and_the_block():
    views = views_of([[BLOCK]], np.array([[0.3]]))
    points = depth_to_points(views.depth, views.intrinsics, views.poses)[0, 0].reshape(-1, 3)
    on_top = (points[:, 2] - 0.06).abs() < 1e-5
    assert on_top.sum() > 30
    assert BLOCK.inside(points[on_top, :2].numpy()).all()
    assert ((points[:, 2] > -1e-5) & (points[:, 2] < 0.06 + 1e-5)).all()


def test_projecting_unprojected_pixels_gives_their_centres_and_depth():
    views = views_of([[BLOCK]], np.array([[1.0]]))
    points = depth_to_points(views.depth, views.intrinsics, views.poses).flatten(2, 3)
    pixels, depth = project(points, views.intrinsics, views.poses)
    centres = pixel_centres(128, 128, like=depth).flatten(0, 1)
    assert (pixels - centres).abs().max() < 2e-4
    assert torch.allclose(depth, views.depth.flatten(2), atol=1e-5)


def test_points_behind_the_camera_have_negative_depth():
    views = views_of([[BLOCK]], np.array([[0.0]]))
    away = views.poses[..., :3, 3] - 0.2 * views.poses[..., :3, 2]
    _, depth = project(away[:, :, None], views.intrinsics, views.poses)
    assert float(depth) == pytest.approx(-0.2, abs=1e-5)


def geometry(views: Views) -> torch.Tensor:
    """Occupied, signed distance, observed; of the first scene."""
    count = views.depth.shape[0] * views.depth.shape[1]
    return unproject(views, torch.zeros(count, 1, 2, 2), Volume(), SHELL)[0, 1:]


def test_voxels_know_their_place():
    volume = Volume()
    centres = volume.centres()
    assert centres.shape == (12, 64, 64, 3)
    assert torch.allclose(volume.voxels(centres[3, 5, 7]), torch.tensor([7.5, 5.5, 3.5]), atol=1e-4)
    corner = torch.tensor(volume.origin)
    assert torch.allclose(volume.normalised(corner), torch.tensor([-1.0, -1.0, -1.0]))
    assert torch.allclose(
        volume.normalised(corner + torch.tensor(volume.size)), torch.ones(3), atol=1e-6
    )


def test_occupied_voxels_reach_the_surface_and_no_further_than_the_shell():
    # Seen from around, the union of shells has the block's box, to a voxel.
    volume = Volume()
    views = views_of([[BLOCK]], np.array([[0.0, 2.1, 4.2]]))
    occupied = geometry(views)[0] > 0
    above = volume.centres()[occupied]
    above = above[above[:, 2] > 0.5 * volume.pitch + 0.01]
    box = torch.from_numpy(BLOCK.box()).float()
    low, high = box[:3] - box[3:] / 2, box[:3] + box[3:] / 2
    assert ((above.amax(0) - high).abs() < volume.pitch).all()
    assert ((above.amin(0) - low).abs()[:2] < volume.pitch).all()


def test_free_space_and_surface_have_the_right_signed_distance():
    volume = Volume()
    views = views_of([[]], np.array([[0.0]]))
    _, signed, observed = geometry(views)
    # Straight below the table's middle: the ray's slope is the camera's elevation.
    for layer in range(5):
        z = volume.origin[2] + (layer + 0.5) * volume.pitch
        expected = np.clip(-z / math.sin(math.radians(60)) / SHELL, -1, 1)
        assert float(signed[layer, 32, 32]) == pytest.approx(expected, abs=0.02)
    assert bool((observed[2:, 28:36, 28:36] == 1).all())


def test_features_are_read_at_the_pixel_a_voxel_projects_to():
    volume = Volume()
    views = views_of([[]], np.array([[0.7]]))
    centres = pixel_centres(64, 64, like=views.depth) * 2  # each pixel tells its own place
    found = unproject(views, centres.permute(2, 0, 1)[None], volume, SHELL)[0]
    points = volume.centres()[4, 20:44, 20:44]
    pixels, _ = project(points.reshape(1, 1, -1, 3), views.intrinsics, views.poses)
    told = found[:2, 4, 20:44, 20:44].flatten(1).T
    assert (told - pixels[0, 0]).abs().max() < 0.01


def test_a_second_view_fills_what_the_first_cannot_see():
    wall = Body(kind="box", centre=(0.0, 0.0), size=(0.04, 0.3, 0.15))
    views = views_of([[wall]], np.array([[0.0, math.pi]]))
    one, both = (geometry(v)[-1] for v in (views.select(slice(0, 1)), views))
    hidden = (slice(3, 5), slice(30, 34), slice(26, 29))  # behind the wall, seen from +x
    assert one[hidden].sum() == 0
    assert both[hidden].all()
    assert (both >= one).all()


def test_the_mean_over_views_counts_observing_views_only():
    volume = Volume()
    wall = Body(kind="box", centre=(0.0, 0.0), size=(0.04, 0.3, 0.15))
    views = views_of([[wall]], np.array([[0.0, math.pi]]))
    feature = torch.tensor([2.0, 6.0])[:, None, None, None].expand(2, 1, 16, 16)
    found = unproject(views, feature, volume, SHELL)[0, 0]
    seen = observe(views, volume, SHELL)[2][0].unflatten(1, volume.shape)
    inner = (slice(0, 8), slice(16, 48), slice(16, 48))
    for first, second, mean in ((True, True, 4.0), (True, False, 2.0), (False, True, 6.0)):
        where = (seen[0] == first)[inner] & (seen[1] == second)[inner]
        assert where.any()
        assert torch.allclose(found[inner][where], torch.tensor(mean), atol=1e-5)


def test_pixels_without_a_measurement_observe_nothing():
    views = views_of([[BLOCK]], np.array([[0.0]]))
    depth = views.depth.clone()
    depth[..., :64, :] = 0
    half = type(views)(views.rgb, depth, views.intrinsics, views.poses)
    grid, _, observed = observe(half, Volume(), SHELL)
    assert not observed[grid[..., 1] < -0.05].any()
    assert observed[(grid[..., 1] > 0.05) & (grid.abs().amax(-1) < 0.9)].any()
