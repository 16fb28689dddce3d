import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from hyperdyn.errors import InputError, UnknownNameError
from hyperdyn.states import Field, Normaliser, StateSpace

POSE = StateSpace(
    (
        Field(name="position", size=3, relative=True),
        Field(name="orientation", size=4, kind="quaternion", context=True),
        Field(name="speed"),
    )
)


def random_poses(n, rng):
    states = torch.randn(n, 8, generator=rng, dtype=torch.float64)
    states[:, 3:7] = torch.nn.functional.normalize(states[:, 3:7], dim=1)
    return states


def test_sums_compose_vectors(rng):
    space = StateSpace((Field(name="a", size=4),))
    state, change = torch.randn(2, 5, 4, generator=rng)
    torch.testing.assert_close(space.compose(state, change), state + change)
    torch.testing.assert_close(space.difference(state, state + change), change)


def test_no_change_leaves_a_pose_as_it_is(rng):
    states = random_poses(20, rng)
    torch.testing.assert_close(POSE.compose(states, torch.zeros_like(states)), states)


def test_difference_then_compose_gives_the_next_pose(rng):
    states, following = random_poses(50, rng), random_poses(50, rng)
    reached = POSE.compose(states, POSE.difference(states, following))
    torch.testing.assert_close(reached[:, :3], following[:, :3])
    torch.testing.assert_close(reached[:, 7], following[:, 7])
    dots = (reached[:, 3:7] * following[:, 3:7]).sum(1).abs()  # q and -q are one rotation
    torch.testing.assert_close(dots, torch.ones_like(dots))


def test_quaternions_compose_as_rotations_in_the_scalar_last_convention():
    start, turn = Rotation.from_euler("xyz", [0.3, -0.4, 0.5]), Rotation.from_euler("z", 0.2)
    state = torch.zeros(1, 8, dtype=torch.float64)
    state[0, 3:7] = torch.tensor(start.as_quat())
    change = torch.zeros(1, 8, dtype=torch.float64)
    change[0, 3:7] = torch.tensor(turn.as_quat() - [0, 0, 0, 1])
    found = Rotation.from_quat(POSE.compose(state, change)[0, 3:7].numpy())
    assert (found * (turn * start).inv()).magnitude() == pytest.approx(0, abs=1e-7)


def test_composed_quaternions_have_unit_length(rng):
    states = random_poses(20, rng)
    changes = torch.randn(20, 8, generator=rng, dtype=torch.float64)
    lengths = POSE.compose(states, changes)[:, 3:7].norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_masks_and_columns_follow_the_fields():
    assert POSE.dim == 8
    assert POSE.relative_mask().tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    assert POSE.input_columns().tolist() == [0, 1, 2, 7]
    assert POSE.slice_of("speed") == slice(7, 8)


def test_bad_fields_are_refused():
    with pytest.raises(InputError, match="exactly 4"):
        Field(name="q", size=3, kind="quaternion")
    with pytest.raises(UnknownNameError, match="quaternion, vector"):
        Field(name="q", kind="matrix")
    with pytest.raises(InputError, match="all different"):
        StateSpace((Field(name="a"), Field(name="a")))
    with pytest.raises(UnknownNameError, match="Did you mean 'speed'"):
        POSE.slice_of("sped")


def test_statistics_are_fitted_once(rng):
    normaliser = Normaliser(2, 1)
    states = torch.randn(500, 2, generator=rng) * torch.tensor([3.0, 0.0]) + 5
    actions = torch.randn(500, 1, generator=rng)
    changes = states * 0.1
    normaliser.fit(states, actions, changes)
    torch.testing.assert_close(normaliser.state_mean, states.mean(0))
    assert normaliser.state_std[0].item() == pytest.approx(states[:, 0].std().item(), rel=1e-5)
    assert normaliser.state_std[1] == 1.0  # a constant input keeps its own unit
    assert normaliser.change_std[1] < 1e-5  # and is predicted to stay
    with pytest.raises(InputError, match="never drift"):
        normaliser.fit(states, actions, changes)


def test_statistics_refuse_data_that_are_not_finite():
    rows = torch.full((5, 1), math.nan)
    with pytest.raises(InputError, match="drop diverged"):
        Normaliser(1, 1).fit(rows, rows, rows)
