"""Rollouts of pushed objects: made anew at every push, equal to doing it by hand."""

import math
import pickle

import pytest
import torch

from hyperdyn.dynamics import Dynamics, SteppingDynamics
from hyperdyn.errors import InputError
from hyperdyn.pushing import KINDS, Encoded, Interactions, Looked
from hyperdyn.pushing.state import ROD, centred, turned_by
from tests.pushing.pushers import (
    dynamics_of,
    generator,
    interactions,
    pusher,
    seen,
    states_of,
    truth,
)

every_kind = pytest.mark.parametrize("kind", KINDS)


def pushes(*shape, seed=5):
    return torch.rand(*shape, 3, generator=generator(seed)) * 2 - 1


@every_kind
def test_they_are_what_planners_see(kind):
    dynamics = dynamics_of(kind)
    assert isinstance(dynamics, Dynamics)
    assert isinstance(dynamics, SteppingDynamics)
    assert (dynamics.num_systems, dynamics.state_dim, dynamics.action_dim) == (2, 16, 3)
    assert dynamics.rollout(states_of(2), pushes(2, 4, 5)).shape == (2, 4, 6, 16)


@every_kind
@pytest.mark.parametrize("exact", [False, True])
def test_each_push_uses_the_model_made_for_how_the_object_then_lies(kind, exact):
    dynamics = dynamics_of(kind, exact=exact)
    states, actions = states_of(2), pushes(2, 1, 4)
    rolled = dynamics.rollout(states, actions)[:, 0]
    now = states
    for step in range(4):
        now = dynamics.model_at(now).step(now, actions[:, 0, step])
        torch.testing.assert_close(rolled[:, step + 1], now, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(
        dynamics.advance(rolled[:, :4], actions[:, 0]), rolled[:, 1:], rtol=1e-4, atol=1e-5
    )


def test_candidates_do_not_depend_on_those_beside_them():
    dynamics = dynamics_of("hyperdynamics")
    states, actions = states_of(2), pushes(2, 6, 3)
    rolled = dynamics.rollout(states, actions)
    torch.testing.assert_close(
        dynamics.rollout(states, actions[:, 2:3]), rolled[:, 2:3], rtol=1e-4, atol=1e-5
    )


def test_orientations_stay_unit_quaternions():
    rolled = dynamics_of("hyperdynamics").rollout(states_of(2), pushes(2, 5, 8))
    lengths = rolled[..., 3:7].norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_the_ring_is_exact_at_its_turns_and_near_between_them():
    ring, exact = (dynamics_of("hyperdynamics", exact=way).turning for way in (False, True))
    assert isinstance(ring, Looked)
    assert isinstance(exact, Encoded)
    turns = torch.arange(16) * (2 * math.pi / 16)
    yaw = ring.yaws[:, None] + turns
    torch.testing.assert_close(ring.at(yaw), exact.at(yaw), rtol=1e-4, atol=1e-4)
    between = yaw + math.pi / 16
    spread = exact.at(yaw).std()
    assert (ring.at(between) - exact.at(between)).square().mean().sqrt() < spread


def test_codes_follow_the_turn_since_the_object_was_seen_not_the_yaw():
    model, told = pusher("hyperdynamics"), seen()
    later = type(told)(told.features, told.yaws + 0.7, told.boxes)
    yaw = torch.zeros(2, 3)
    first = model.generate(interactions(), told).turning.at(yaw)
    second = model.generate(interactions(), later).turning.at(yaw + 0.7)
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-4)


def test_networks_see_the_rod_from_the_object():
    states = states_of(3)
    moved = states.clone()
    moved[:, :2] += 0.1
    moved[:, 13:15] += 0.1
    torch.testing.assert_close(centred(states)[:, ROD], centred(moved)[:, ROD])
    torch.testing.assert_close(centred(states)[:, :13], states[:, :13])


def test_yaw_is_read_from_the_quaternion():
    states = torch.zeros(1, 16)
    states[0, 5:7] = torch.tensor([math.sin(0.4), math.cos(0.4)])
    assert turned_by(states).item() == pytest.approx(0.8)


@every_kind
def test_they_are_values(kind):
    dynamics = dynamics_of(kind)
    copy = pickle.loads(pickle.dumps(dynamics))
    states, actions = states_of(2), pushes(2, 2, 2)
    assert torch.equal(copy.rollout(states, actions), dynamics.rollout(states, actions))


def test_what_does_not_fit_is_refused(unchecked):
    dynamics = dynamics_of("direct")
    with pytest.raises(InputError, match="states of 16"):
        dynamics.rollout(torch.zeros(2, 15), pushes(2, 1, 1))
    with pytest.raises(InputError, match="2 objects"):
        dynamics.rollout(states_of(3), pushes(3, 1, 1))
    with pytest.raises(InputError, match="actions of 3"):
        dynamics.advance(states_of(2, 4), torch.zeros(2, 4, 2))


def test_generating_asks_for_what_is_missing():
    model = pusher("hyperdynamics")
    with pytest.raises(InputError, match="must see the object"):
        model.generate(interactions())
    with pytest.raises(InputError, match="wants 3"):
        model.generate(interactions(pushes=2), seen())
    with pytest.raises(InputError, match="seen is of 3 objects"):
        model.generate(interactions(), seen(3))
    with pytest.raises(InputError, match="truth is of 1"):
        pusher("expert_ensemble").generate(interactions(), seen(), truth=truth(0))
    assert pusher("xyz").generate(interactions()).num_systems == 2


def test_bad_interactions_are_refused(unchecked):
    good = interactions()
    with pytest.raises(InputError, match="one state more than pushes"):
        Interactions(good.states[:, :-1], good.actions)
    with pytest.raises(InputError, match="16"):
        Interactions(good.states[..., :-1], good.actions)
    spoiled = good.states.clone()
    spoiled[1, 2, 4] = math.nan
    with pytest.raises(InputError, match="object 1, step 2, column 4"):
        Interactions(spoiled, good.actions)
