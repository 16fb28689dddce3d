import math

import numpy as np
import pytest

from hyperdyn.training.pushing.policy import PushingPolicy

ROD = np.array([-0.08, 0.0, 0.005])
BOX = np.array([-0.03, -0.02, 0.0, 0.03, 0.02, 0.05])


def pushes(count, **settings):
    rng = np.random.default_rng(0)
    return np.array([PushingPolicy(**settings).act(ROD, BOX, rng) for _ in range(count)])


def test_pushes_are_3_to_6_cm_in_the_plane():
    lengths = 0.06 * np.linalg.norm(pushes(2000), axis=1)
    assert lengths.min() == pytest.approx(0.03, abs=1e-3)
    assert lengths.max() == pytest.approx(0.06, abs=1e-3)
    assert lengths.mean() == pytest.approx(0.045, abs=1e-3)
    assert (pushes(10)[:, 2] == 0).all()


def test_four_of_five_go_at_the_box_and_the_others_anywhere():
    angles = np.arctan2(*pushes(4000)[:, 1::-1].T)
    half = math.atan2(0.02, 0.05)  # the box's nearest corners, seen from the rod
    ahead = (np.abs(angles) <= half).mean()
    assert ahead == pytest.approx(0.8 + 0.2 * half / math.pi, abs=0.02)
    assert (np.abs(angles) > math.pi / 2).mean() == pytest.approx(0.1, abs=0.02)


def test_pushes_at_the_object_spread_over_its_box():
    angles = np.arctan2(*pushes(2000, at_object=1.0)[:, 1::-1].T)
    assert angles.std() > 0.1
    assert abs(angles.mean()) < 0.02
