"""Objectives: the numbers they return, and how they add and scale."""

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners import ControlCost, ForwardVelocity, SmoothnessCost
from hyperdyn.planners.objectives import Sum


@pytest.fixture
def trajectories(rng):
    """States [E, N, H+1, S] and actions [E, N, H, A]."""
    states = torch.randn(2, 5, 9, 4, generator=rng, dtype=torch.float64)
    return states, torch.randn(2, 5, 8, 3, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("index", [0, 2, -1])
def test_forward_velocity_is_summed_over_the_steps(trajectories, index):
    states, actions = trajectories
    wanted = torch.zeros(2, 5, dtype=torch.float64)
    for step in range(8):
        wanted += (states[:, :, step + 1, index] - states[:, :, step, index]) / 0.01
    torch.testing.assert_close(ForwardVelocity(index=index, dt=0.01)(states, actions), wanted)


def test_control_cost_is_summed_over_steps_and_dimensions(trajectories):
    states, actions = trajectories
    wanted = -0.3 * (actions**2).sum(dim=(2, 3))
    torch.testing.assert_close(ControlCost(weight=0.3)(states, actions), wanted)
    assert (ControlCost(weight=0.3)(states, 0 * actions) == 0).all()


def test_control_cost_defaults_to_the_papers():
    assert ControlCost().weight == 0.05


def test_smoothness_cost_is_summed_over_changes(trajectories):
    states, actions = trajectories
    wanted = torch.zeros(2, 5, dtype=torch.float64)
    for step in range(1, 8):
        wanted -= 0.3 * ((actions[:, :, step] - actions[:, :, step - 1]) ** 2).sum(-1)
    torch.testing.assert_close(SmoothnessCost(weight=0.3)(states, actions), wanted)
    assert (SmoothnessCost()(states, actions[:, :, :1].expand(-1, -1, 8, -1)) == 0).all()
    assert (SmoothnessCost()(states[:, :, :2], actions[:, :, :1]) == 0).all()


def height(states, actions):
    """A user's plain function."""
    return states[:, :, 1:, 1].mean(dim=-1)


def test_objectives_add_and_scale(trajectories):
    forward, control = ForwardVelocity(index=0, dt=0.01), ControlCost(weight=0.05)
    a, b, c = (term(*trajectories) for term in (forward, control, height))
    close = torch.testing.assert_close
    close((forward + control)(*trajectories), a + b)
    close((2.0 * forward + control * 3)(*trajectories), 2 * a + 3 * b)
    close((forward + height)(*trajectories), a + c)
    close((height + forward + control)(*trajectories), a + b + c)
    close((0.5 * (forward + height) + control)(*trajectories), 0.5 * (a + c) + b)
    close((-1.0 * control)(*trajectories), -b)


def test_terms_are_not_changed_by_adding_them(trajectories):
    forward, control = ForwardVelocity(index=0, dt=0.01), ControlCost()
    total = forward + control
    before = total(*trajectories)
    assert total + control != total
    torch.testing.assert_close(total(*trajectories), before, rtol=0, atol=0)


def test_only_numbers_scale_and_only_objectives_add():
    with pytest.raises(TypeError):
        ControlCost() * "2"
    with pytest.raises(TypeError):
        ControlCost() + 1.0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ForwardVelocity(index=0, dt=0.0), "dt must be finite, above 0"),
        (lambda: ForwardVelocity(index=0, dt=float("nan")), "dt must be finite, above 0"),
        (lambda: ControlCost(weight=-0.1), "weight must be finite, at least 0"),
        (lambda: SmoothnessCost(weight=-0.1), "weight must be finite, at least 0"),
        (lambda: ControlCost() * float("inf"), "scaled by a finite number, got inf"),
    ],
)
def test_settings_that_cannot_be(make, text):
    with pytest.raises(InputError, match=text):
        make()


@pytest.mark.parametrize("index", [4, -5])
def test_a_column_that_is_not_there(trajectories, index):
    with pytest.raises(InputError, match=f"reads state column {index}, but states have 4 columns"):
        ForwardVelocity(index=index, dt=0.01)(*trajectories)


def test_a_sum_of_nothing_is_refused():
    with pytest.raises(InputError, match="needs at least one"):
        Sum(())


def test_objectives_do_not_touch_what_they_read(trajectories):
    states, actions = (tensor.clone() for tensor in trajectories)
    total = ForwardVelocity(index=0, dt=0.01) + ControlCost() + 2.0 * SmoothnessCost()
    total(*trajectories)
    assert torch.equal(states, trajectories[0])
    assert torch.equal(actions, trajectories[1])
