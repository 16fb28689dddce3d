import mujoco
import numpy as np
import pytest

from hyperdyn.envs.locomotion import CheetahSlope
from hyperdyn.envs.locomotion.slopes import Slopes
from hyperdyn.errors import InputError

HEIGHTS = np.array([0.5, 3.5, 0.0, 0.1, 4.0, 1.0, 6.0])


def slopes(**changes):
    return Slopes(**{"heights": HEIGHTS, "segment_length": 3.0, "grade_base": 15.0, **changes})


def compiled(ground, surface=CheetahSlope.surface):
    spec = mujoco.MjSpec()
    ground.add_to(spec, surface)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def test_each_segment_rises_by_its_grade_times_its_length():
    ground = slopes()
    rises = np.diff(ground.elevation_at(3.0 * np.arange(8)))
    np.testing.assert_allclose(rises, 3.0 * HEIGHTS / 15.0, rtol=1e-12)
    np.testing.assert_allclose(ground.elevation_at(np.array([-9.0, 0.0])), 0.0)
    np.testing.assert_allclose(ground.elevation_at(np.array([21.0, 40.0])), HEIGHTS.sum() / 5)
    assert ground.grade_at(-1e-9) == 0.0
    assert ground.grade_at(0.0) == 0.5 / 15
    assert ground.grade_at(2.999) == 0.5 / 15
    assert ground.grade_at(3.0) == 3.5 / 15
    assert ground.grade_at(20.999) == 0.4
    assert ground.grade_at(21.0) == 0.0


@pytest.mark.parametrize("length", [3.0, 15.0])
def test_the_top_faces_are_the_profile_without_a_step_or_a_gap(length):
    ground = slopes(segment_length=length)
    model, data = compiled(ground)
    edges = ground.edges
    near_edges = (edges[:, None] + np.array([-0.05, -1e-6, 0.0, 1e-6, 0.05])).ravel()
    xs = np.concatenate((np.linspace(-20.0, edges[-1] + 20.0, 1000), near_edges))
    top, hit = 200.0, np.zeros(1, np.int32)
    for x, expected in zip(xs, ground.elevation_at(xs), strict=True):
        start, down = np.array([x, 0.0, top]), np.array([0.0, 0.0, -1.0])
        distance = mujoco.mj_ray(model, data, start, down, None, 1, -1, hit)
        assert abs(top - distance - expected) < 1e-9, x


def test_there_is_solid_ground_below_every_joint():
    ground = slopes()
    model, data = compiled(ground)
    offsets = np.linspace(-0.2, 0.2, 41)
    depths = np.array([0.01, 0.1, 0.5])
    for x in (ground.edges[:, None] + offsets).ravel():
        surface = ground.elevation_at(np.array([x]))[0]
        for depth in depths:
            point = np.array([x, 0.0, surface - depth])
            frames = data.geom_xmat.reshape(-1, 3, 3)
            local = np.einsum("gji,gj->gi", frames, point - data.geom_xpos)
            assert (np.abs(local) <= model.geom_size + 1e-9).all(1).any(), (x, depth)


@pytest.mark.parametrize(
    "changes",
    [
        {"segment_length": 0.0},
        {"segment_length": np.nan},
        {"grade_base": -15.0},
        {"heights": np.array([])},
        {"heights": np.array([1.0, -0.1])},
        {"heights": np.array([1.0, 6.01])},
        {"heights": np.array([1.0, np.nan])},
    ],
)
def test_ground_that_cannot_be_is_refused(changes):
    with pytest.raises(InputError):
        slopes(**changes)
