"""The control problems: their equations, and that each system of a batch is its own."""

import gymnasium
import numpy as np
import pytest
import torch

from hyperdyn.dynamics import Dynamics
from hyperdyn.envs.control import Pendulum, PointMassGap, flat_cheetah, flat_cheetah_start
from hyperdyn.errors import InputError

BATCHES = {
    "pendulum": lambda values: Pendulum(masses=values),
    "point mass": lambda values: PointMassGap(masses=values),
    "cheetah": lambda values: flat_cheetah(frictions=values),
}


@pytest.fixture(params=BATCHES)
def make(request):
    return BATCHES[request.param]


def start(dynamics, rng):
    """States with every system alike, in motion."""
    if dynamics.state_dim == 18:
        return flat_cheetah_start(1, rng).expand(dynamics.num_systems, -1).double()
    state = torch.rand(1, dynamics.state_dim, generator=rng, dtype=torch.float64) - 0.5
    return state.expand(dynamics.num_systems, -1)


def test_a_batch_is_its_systems_one_by_one(make, rng):
    values = (0.3, 1.0, 2.5)
    batch = make(values)
    assert isinstance(batch, Dynamics)
    states = start(batch, rng)
    actions = torch.rand(1, 4, 12, batch.action_dim, generator=rng, dtype=torch.float64) * 2 - 1
    actions = actions.expand(3, -1, -1, -1)
    together = batch.rollout(states, actions)
    assert together.shape == (3, 4, 13, batch.state_dim)
    assert torch.equal(together[:, :, 0], states[:, None].expand(-1, 4, -1))
    for system, value in enumerate(values):
        alone = make((value,)).rollout(states[:1], actions[:1])
        torch.testing.assert_close(together[system], alone[0], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(together[0, :, -1], together[1, :, -1])
    assert not torch.allclose(together[1, :, -1], together[2, :, -1])


def test_results_have_the_type_of_the_states(make, rng):
    dynamics = make((1.0, 1.0))
    for dtype in (torch.float32, torch.float64):
        states = start(dynamics, rng).to(dtype)
        actions = torch.zeros(2, 1, 3, dynamics.action_dim, dtype=dtype)
        assert dynamics.rollout(states, actions).dtype == dtype


@pytest.mark.parametrize("values", [(), (0.0,), (1.0, -1.0), (float("nan"),)])
def test_systems_without_a_positive_property_are_refused(make, values):
    with pytest.raises(InputError, match="positive"):
        make(values)


@pytest.mark.usefixtures("unchecked")
def test_shapes_that_do_not_fit_are_refused(make):
    dynamics = make((1.0, 1.0))
    states = torch.zeros(2, dynamics.state_dim)
    actions = torch.zeros(2, 1, 3, dynamics.action_dim)
    wrong = (
        (states[:1], actions),
        (states[:, 1:], actions),
        (states, actions[:1]),
        (states, actions[:, 0]),
        (states, torch.cat((actions, actions), -1)),
    )
    for pair in wrong:
        with pytest.raises(InputError, match="rollout got"):
            dynamics.rollout(*pair)


def test_the_pendulum_is_gymnasiums(rng):
    env = gymnasium.make("Pendulum-v1").unwrapped
    env.reset(seed=0)
    state = torch.tensor(env.state)[None]
    torques = 6 * torch.rand(1, 1, 60, 1, generator=rng, dtype=torch.float64) - 3
    pendulum = Pendulum()
    states = pendulum.rollout(state, torques)
    total = 0.0
    for step in range(60):
        _, reward, *_ = env.step(torques[0, 0, step].numpy())
        total += reward
        np.testing.assert_allclose(states[0, 0, step + 1], env.state, rtol=1e-9)
    assert abs(float(states[0, 0, :, 0].max())) > np.pi or float(states[0, 0, :, 0].min()) < -np.pi
    assert pendulum.returns(states, torques).item() == pytest.approx(total, rel=1e-9)
    angle = pendulum.hanging()[0, 0].item()
    assert (np.cos(angle), pendulum.hanging()[0, 1]) == (pytest.approx(-1.0), 0.0)


def test_no_constant_torque_lifts_the_pendulum():
    pendulum = Pendulum()
    pushed = torch.full((1, 1, 200, 1), 5.0)
    angles = pendulum.rollout(pendulum.hanging(), pushed)[0, 0, :, 0]
    assert (angles - np.pi).abs().max() < np.pi / 2


def test_the_point_mass_accelerates_and_stops_at_the_rooms_walls():
    room = PointMassGap(masses=(2.0,))
    actions = torch.tensor([9.0, 0.5]).repeat(1, 1, 40, 1)
    states = room.rollout(torch.zeros(1, 4), actions)[0, 0]
    torch.testing.assert_close(states[1], torch.tensor([0.005, 0.0025, 0.05, 0.025]))
    torch.testing.assert_close(states[2, :2], torch.tensor([0.015, 0.0075]))
    assert (states[-1, 0], states[-1, 2]) == (1.5, 0.0)
    assert 0 < states[-1, 1] <= 1.5
    away = room.rollout(states[-1:], -actions[:, :, :1])[0, 0, 1]
    assert away[0] < 1.5


def test_clearance_is_the_distance_to_the_boxes_and_negative_inside():
    room = PointMassGap()
    places = torch.tensor([[-1.0, 0.0], [0.0, 0.25], [0.0, 0.0], [0.45, 0.6], [0.45, -1.9]])
    # Beside the lower box; in the middle of the gap; inside, 0.1 from its top; beside the upper
    # box; off the lower box's corner by 0.3 and 0.4.
    wanted = torch.tensor([0.85, 0.15, -0.1, 0.3, 0.5])
    torch.testing.assert_close(room.clearance(places), wanted)


def test_the_boxes_leave_only_the_gap():
    room = PointMassGap()
    ys = torch.linspace(-1.5, 1.5, 301)
    free = room.clearance(torch.stack((torch.zeros_like(ys), ys), -1)) > 0
    assert ys[free].min() == pytest.approx(0.1, abs=0.02)
    assert ys[free].max() == pytest.approx(0.4, abs=0.02)
    straight = torch.linspace(-1, 1, 50)[:, None] * torch.tensor([1.0, 0.0])
    assert (room.clearance(straight) < 0).any()
    assert room.clearance(torch.tensor([room.start, room.goal])).min() > 0.5


def test_the_cheetah_stands_on_the_ground_and_slides_by_its_friction(rng):
    dynamics = flat_cheetah(frictions=(0.05, 2.0))
    assert dynamics.time_step == pytest.approx(0.05)
    states = flat_cheetah_start(2, rng)
    assert states.shape == (2, 18)
    assert not torch.equal(states[0], states[1])
    still = dynamics.rollout(states, torch.zeros(2, 1, 60, 6))[:, 0, -1]
    assert (still[:, 1].abs() < 0.3).all()  # the torso's height, from 0.7 m
    pushed = states[:1].repeat(2, 1)
    pushed[:, 9] = 3.0  # m/s forward: the slippery ground brakes less
    went = dynamics.rollout(pushed, torch.zeros(2, 1, 10, 6))[:, 0, -1, 9]
    assert went[0] > went[1] + 0.5
