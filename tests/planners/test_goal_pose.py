"""The pose objective: how it measures orientation, and what it refuses."""

import math

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners.goal_pose import GoalPose
from hyperdyn.planners.state_objectives import GoalPosition


def pose(**changes):
    settings = {
        "position_columns": (0, 1, 2),
        "orientation_columns": (3, 4, 5, 6),
        "position": (0.0, 0.0, 0.0),
        "orientation": (0.0, 0.0, 0.0, 1.0),
    }
    return GoalPose(**{**settings, **changes})


def turned(angle, axis=(0.0, 0.0, 1.0)):
    """Quaternion (x, y, z, w) of a turn."""
    axis = torch.tensor(axis, dtype=torch.float64)
    half = torch.tensor(angle / 2, dtype=torch.float64)
    return torch.cat((half.sin() * axis / axis.norm(), half.cos()[None]))


def trajectory(*quaternions):
    """One candidate: at the origin all along, with these orientations after its actions."""
    states = torch.zeros(1, 1, len(quaternions) + 1, 7, dtype=torch.float64)
    states[..., 6] = 1.0
    for step, q in enumerate(quaternions, start=1):
        states[0, 0, step, 3:] = q
    return states, torch.zeros(1, 1, len(quaternions), 2, dtype=torch.float64)


@pytest.mark.parametrize("angle", [0.0, 0.01, 0.5, -1.3, math.pi])
def test_an_orientation_costs_by_its_angle(angle):
    cost = -pose()(*trajectory(turned(angle, (1.0, 2.0, -1.0)))).item()
    assert cost == pytest.approx(4 * math.sin(angle / 2) ** 2, abs=1e-12)
    if abs(angle) < 0.1:
        assert cost == pytest.approx(angle**2, rel=1e-4)


def test_sign_and_length_of_a_quaternion_do_not_matter():
    target = turned(0.8, (0.0, 1.0, 1.0))
    q = turned(-0.4, (1.0, 0.0, 0.0))
    one = pose(orientation=tuple(target.tolist()))
    same = pose(orientation=tuple((-3.0 * target).tolist()))
    assert math.hypot(*same.orientation) == pytest.approx(1.0)
    for other in (q, -q, 5.0 * q):
        torch.testing.assert_close(same(*trajectory(other)), one(*trajectory(q)))
    assert one(*trajectory(-2.0 * target)).item() == pytest.approx(0.0, abs=1e-12)


def test_every_state_but_the_given_one_counts():
    steps = [turned(0.3), turned(1.0), turned(0.0)]
    wanted = -sum(4 * math.sin(angle / 2) ** 2 for angle in (0.3, 1.0))
    states, actions = trajectory(*steps)
    states[:, :, 0, 3:] = turned(2.0)
    assert pose()(states, actions).item() == pytest.approx(wanted)
    assert pose(orientation_weight=3.0)(states, actions).item() == pytest.approx(3 * wanted)


def test_the_position_counts_as_in_goal_position(rng):
    states = torch.randn(2, 5, 9, 7, generator=rng, dtype=torch.float64)
    actions = torch.zeros(2, 5, 8, 1, dtype=torch.float64)
    place = {"position_columns": (0, -6), "position": (0.5, 1.0), "position_weights": (2.0, 0.5)}
    goal = GoalPosition((0, 1), target=(0.5, 1.0), weights=(2.0, 0.5))
    torch.testing.assert_close(
        pose(orientation_weight=0.0, **place)(states, actions), goal(states, actions)
    )
    both = pose(**place)(states, actions) - pose(position_weights=0.0)(states, actions)
    torch.testing.assert_close(both, goal(states, actions))


def test_near_the_target_float32_still_tells_angles_apart():
    q = torch.stack([turned(1e-4), turned(2e-4)]).float()
    states, actions = trajectory(*q)
    costs = [-pose()(states[:, :, [0, s]].float(), actions.float()).item() for s in (1, 2)]
    assert costs == pytest.approx([1e-8, 4e-8], rel=1e-3)


def test_gradients_lead_to_the_target():
    angle = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    zero = torch.zeros_like(angle)
    q = torch.stack((zero, zero, (angle / 2).sin(), (angle / 2).cos()))
    given, actions = trajectory(q.detach())
    states = torch.cat((given[:, :, :1], torch.cat((torch.zeros(3), q))[None, None, None]), dim=2)
    pose()(states, actions).sum().backward()
    assert angle.grad.item() == pytest.approx(-2 * math.sin(0.7))


def test_a_quaternion_of_zeros_has_no_orientation():
    returns = pose()(*trajectory(torch.zeros(4, dtype=torch.float64)))
    assert returns.isnan().all()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"orientation": (0.0, 0.0, 0.0, 0.0)}, "orientation must be a quaternion of four numbers"),
        ({"orientation": (0.0, 0.0, 1.0)}, "orientation must be a quaternion of four numbers"),
        ({"orientation": 1.0}, "orientation must be a quaternion of four numbers"),
        ({"orientation": (0.0, 0.0, math.nan, 1.0)}, "orientation must be finite"),
        ({"orientation_columns": (3, 4, 5)}, "must be the four columns of a quaternion"),
        ({"orientation_columns": 3}, "orientation_columns must be one or more whole numbers"),
        ({"position_columns": ()}, "position_columns must be one or more whole numbers"),
        ({"position": (0.0, 1.0)}, "position has 2 numbers for 3 columns"),
        ({"position_weights": -1.0}, "position_weights must not be negative"),
        ({"orientation_weight": -1.0}, "orientation_weight must be finite, at least 0"),
    ],
)
def test_settings_that_cannot_be(changes, text):
    with pytest.raises(InputError, match=text):
        pose(**changes)


@pytest.mark.parametrize("name", ["position_columns", "orientation_columns"])
def test_a_column_that_is_not_there(name):
    with pytest.raises(InputError, match="GoalPose reads state column 7, but states have 7"):
        pose(**{name: (7, 0, 1, 2), "position": 0.0})(*trajectory(turned(0.0)))
