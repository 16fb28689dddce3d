"""Cameras: distances, labels and geometry agree with the scene they were taken of."""

import math

import numpy as np
import pytest

pytest.importorskip("pybullet")

from hyperdyn.assets.objects import load_object
from hyperdyn.envs.pushing import VIEWS, Camera, Push
from hyperdyn.envs.pushing.cameras import BACKGROUND, OBJECT, ROBOT, TABLE, take
from hyperdyn.envs.pushing.world import Physics, Placement, World
from hyperdyn.errors import InputError


@pytest.fixture(scope="module")
def world():
    """A mug and a bed on the table, the rod between them."""
    world = World(Physics())
    world.arrange(
        [
            Placement(
                shape=load_object(name), mass=650.0, friction=1e-3, position=position, yaw=0.7
            )
            for name, position in (("mug-2", (0.1, 0.12)), ("bed-1", (0.12, -0.1)))
        ]
    )
    world.place_rod(np.array([-0.1, 0.0]))
    yield world
    world.close()


def points(view):
    """World coordinates of every pixel's centre."""
    rows, columns = np.indices(view.depth.shape) + 0.5
    focal_x, focal_y = view.intrinsics[0, 0], view.intrinsics[1, 1]
    rays = np.stack(
        (
            (columns - view.intrinsics[0, 2]) / focal_x,
            (rows - view.intrinsics[1, 2]) / focal_y,
            np.ones_like(rows),
        ),
        axis=-1,
    )
    return (rays * view.depth[..., None]) @ view.pose[:3, :3].T + view.pose[:3, 3]


def project(view, corners):
    """Columns and rows of world points."""
    seen = (corners - view.pose[:3, 3]) @ view.pose[:3, :3] @ view.intrinsics.T
    return seen[:, :2] / seen[:, 2:]


def seen_from_everywhere(world, label):
    """World coordinates of all that the nine cameras see of one thing."""
    views = [take(world, camera) for camera in VIEWS]
    return np.concatenate([points(view)[view.segmentation == label] for view in views])


@pytest.mark.parametrize("camera", VIEWS)
def test_cameras_stand_and_look_as_the_paper_says(camera):
    offset = camera.position - [0.0, 0.0, 0.1]
    assert np.linalg.norm(offset) == pytest.approx(1.0)
    assert math.asin(offset[2]) == pytest.approx(math.radians(60.0))
    right, down, forward = camera.pose[:3, :3].T
    np.testing.assert_allclose(forward, -offset, atol=1e-12)
    assert abs(right[2]) < 1e-12
    assert down[2] < 0.0
    assert np.linalg.det(camera.pose[:3, :3]) == pytest.approx(1.0)


def test_azimuths_go_evenly_from_the_robots_left_to_its_right():
    assert len(VIEWS) == 9
    assert VIEWS[0].position[1] == pytest.approx(0.5)
    assert VIEWS[4].position[0] == pytest.approx(0.5)
    assert VIEWS[8].position[1] == pytest.approx(-0.5)
    steps = np.diff([camera.azimuth for camera in VIEWS])
    np.testing.assert_allclose(steps, steps[0])


@pytest.mark.parametrize("camera", [VIEWS[0], VIEWS[3], VIEWS[8], Camera(azimuth=0.2, width=96)])
def test_depth_is_the_distance_along_the_axis_of_what_is_there(world, camera):
    view = take(world, camera)
    assert view.depth.dtype == np.float32
    seen = points(view)
    inside = (np.abs(seen[..., :2]) < 0.29).all(axis=-1) & (view.segmentation == TABLE)
    assert inside.sum() > 1000
    np.testing.assert_allclose(seen[inside][:, 2], 0.0, atol=1e-4)


@pytest.mark.parametrize("index", [0, 1])
def test_depth_agrees_with_rays_cast_through_the_pixels(world, index):
    view = take(world, VIEWS[5])
    ends = points(view)[view.segmentation == OBJECT + index]
    eye = view.pose[:3, 3]
    mesh = world.shapes[index].mesh.copy()
    mesh.vertices = world.corners(index)
    rays = (ends - eye) / np.linalg.norm(ends - eye, axis=1, keepdims=True)
    hits, numbers, _ = mesh.ray.intersects_location([eye] * len(rays), rays, multiple_hits=False)
    assert len(numbers) > 0.97 * len(ends)  # others graze an edge
    away = np.linalg.norm(hits - ends[numbers], axis=1)
    assert np.quantile(away, 0.95) < 3e-4


@pytest.mark.parametrize("camera", VIEWS[2::3])
def test_projected_corners_frame_the_objects_segment(world, camera):
    view = take(world, camera)
    for index in range(2):
        rows, columns = np.nonzero(view.segmentation == OBJECT + index)
        corners = project(view, world.corners(index))
        # A pixel is counted if its centre is covered.
        np.testing.assert_allclose(corners.min(axis=0), [columns.min(), rows.min()], atol=1.6)
        np.testing.assert_allclose(
            corners.max(axis=0), [columns.max() + 1, rows.max() + 1], atol=1.6
        )


def test_boxes_hold_what_is_seen_of_the_objects_and_no_more(world):
    cloud = seen_from_everywhere(world, OBJECT)
    low, high = np.split(take(world, VIEWS[0]).boxes[0], 2)
    assert (cloud > low - 0.003).all()
    assert (cloud < high + 0.003).all()
    np.testing.assert_allclose(cloud.min(axis=0)[:2], low[:2], atol=0.01)
    np.testing.assert_allclose(cloud.max(axis=0), high, atol=0.01)


def test_everything_has_its_label_and_nothing_has_no_distance(world):
    view = take(world, VIEWS[4])
    assert set(np.unique(view.segmentation)) == {BACKGROUND, TABLE, ROBOT, OBJECT, OBJECT + 1}
    np.testing.assert_array_equal(view.depth == 0, view.segmentation == BACKGROUND)
    assert view.rgb.shape == (128, 128, 3)
    assert view.rgb.dtype == np.uint8
    assert view.boxes.shape == (2, 6)
    assert len(np.unique(view.rgb[view.segmentation == OBJECT], axis=0)) > 5  # shaded


def test_the_whole_table_is_in_every_view(world):
    corners = np.array([[x, y, 0.0] for x in (-0.3, 0.3) for y in (-0.3, 0.3)])
    for camera in VIEWS:
        seen = project(take(world, camera), corners)
        assert (seen > 0).all()
        assert (seen < 128).all()


def test_the_top_down_label_is_what_stands_on_the_table_from_above(world):
    state = world.object_state(1)
    label = world.shapes[1].footprint(64, 0.18, yaw=2 * math.atan2(state[5], state[6]))
    seen = seen_from_everywhere(world, OBJECT + 1)[:, :2] - state[:2]
    columns = np.floor((seen[:, 0] / 0.18 + 0.5) * 64).astype(int)
    rows = np.floor((0.5 - seen[:, 1] / 0.18) * 64).astype(int)
    near = np.zeros_like(label)
    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0), (0, 0)):
        near |= np.roll(label, shift, axis=(0, 1))
    assert near[rows, columns].mean() > 0.99
    found = np.zeros_like(label)
    found[rows, columns] = True
    assert found[label].mean() > 0.5  # the cameras see most of it


@pytest.mark.parametrize("index", [-1, 9])
def test_there_are_nine_views(index):
    env = Push()
    env.reset(seed=0)
    with pytest.raises(InputError, match="0 to 8"):
        env.view(index)
    env.close()
