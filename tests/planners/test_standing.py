"""What a bad proposal costs: it sits plans out, and a good one never does."""

import pytest
import torch

from hyperdyn.planners import ICEM, MPC, Mixture, RandomShooting, Share
from hyperdyn.planners.standing import Standing

STATE = torch.tensor([[0.4, 0.1], [-0.5, 0.3]])
PLANNER = RandomShooting(horizon=4, samples=50)
BAD = [0, 2, 5, 10, 19, 28]
"""Plans that one takes part in that is always beaten: 1, 2, 4, then 8 are sat out."""


class Constant:
    """The same action throughout, as long as it is not changed."""

    def __init__(self, action):
        self.action, self.calls = action, 0

    def propose(self, dynamics, state, n, *, horizon, low, high, generator):
        self.calls += 1
        return torch.full((len(state), n, horizon, len(low)), self.action)


def nearness(states, actions):
    """Best with actions of 0.5."""
    return -(actions - 0.5).abs().sum((-2, -1))


def opposed(states, actions):
    """Best with 0.5 in the first system, with -0.5 in the second."""
    wanted = torch.tensor([0.5, -0.5])[:, None, None, None]
    return -(actions - wanted).abs().sum((-2, -1))


def played(dynamics, controller, action, plans):
    """In which plans, by system, candidates took an action throughout."""
    found = []
    for _ in range(plans):
        controller.act(dynamics, STATE)
        drawn = dynamics.seen_actions[-1]
        found.append((drawn == action).flatten(2).all(2).any(1))
        dynamics.seen_actions.clear()
    return [torch.stack(found)[:, system].nonzero()[:, 0].tolist() for system in range(2)]


def controller(objective, rng, *parts, planner=PLANNER, **settings):
    return MPC(planner, objective, Mixture(tuple(parts), **settings), generator=rng)


def test_one_that_is_always_beaten_sits_out_longer_and_longer(point_masses, rng):
    dynamics, bad = point_masses([1.0, -2.0]), Constant(-1.0)
    mpc = controller(nearness, rng, Share("bad", bad, 0.2))
    assert played(dynamics, mpc, -1.0, 30) == [BAD, BAD]
    assert bad.calls == len(BAD)  # nor is it asked


def test_one_that_wins_takes_part_in_every_plan(point_masses, rng):
    dynamics = point_masses([1.0, -2.0])
    mpc = controller(
        nearness, rng, Share("good", Constant(0.5), 0.1), Share("bad", Constant(-1.0), 0.1)
    )
    assert played(dynamics, mpc, 0.5, 12) == [list(range(12))] * 2
    assert mpc.last_plan.standings["bad"].resting.tolist() == [7, 7]


def test_what_is_bad_for_one_system_may_be_good_for_another(point_masses, rng):
    dynamics = point_masses([1.0, -2.0])
    mpc = controller(opposed, rng, Share("half", Constant(0.5), 0.2))
    assert played(dynamics, mpc, 0.5, 30) == [list(range(30)), BAD]


def test_one_victory_brings_the_share_back(point_masses, rng):
    dynamics, fickle = point_masses([1.0, -2.0]), Constant(-1.0)
    mpc = controller(nearness, rng, Share("fickle", fickle, 0.2))
    played(dynamics, mpc, -1.0, 6)  # beaten three times: four plans are sat out
    fickle.action = 0.5
    assert played(dynamics, mpc, 0.5, 7) == [[4, 5, 6]] * 2
    fickle.action = -1.0
    assert played(dynamics, mpc, -1.0, 5) == [[0, 2]] * 2  # and it begins with one again


def test_a_system_that_begins_anew_forgives(point_masses, rng):
    dynamics = point_masses([1.0, -2.0])
    mpc = controller(nearness, rng, Share("bad", Constant(-1.0), 0.2))
    played(dynamics, mpc, -1.0, 7)
    mpc.reset([False, True])
    assert played(dynamics, mpc, -1.0, 6) == [[3], [0, 2, 5]]


@pytest.mark.parametrize(("settings", "share"), [({"longest_rest": 0}, 0.2), ({}, 1.0)])
def test_it_can_be_told_to_stay_and_has_to_be_beaten_by_something(
    point_masses, rng, settings, share
):
    dynamics = point_masses([1.0, -2.0])
    mpc = controller(nearness, rng, Share("bad", Constant(-1.0), share), **settings)
    assert played(dynamics, mpc, -1.0, 10) == [list(range(10))] * 2


def test_the_previous_plan_is_no_draw_of_the_planner(point_masses, rng):
    """Nor are the elites carried on: they would beat all that is proposed once they are good."""
    dynamics = point_masses([1.0, -2.0])
    planner = ICEM(horizon=4, samples=20, elites=5, iterations=2, keep_previous=True)
    mpc = controller(nearness, rng, Share("fair", Constant(0.45), 0.2), planner=planner)
    for _ in range(20):
        mpc.act(dynamics, STATE)
    assert mpc.last_plan.expected_return.min() > -4 * 0.05  # better than what is proposed
    assert mpc.last_plan.standings["fair"].resting.tolist() == [0, 0]


def test_as_many_are_compared():
    """The best of 45 draws would beat what the best of 5 does not."""
    ranks = -torch.arange(50.0).expand(2, -1)
    both = torch.ones(2, dtype=torch.bool)
    for count, rest in ((5, 0), (25, 1)):
        own, proposed = ranks[:, : 50 - count], ranks[:, 40:41].expand(2, count)
        standing = Standing.fresh(2, own.device).after(both, own, proposed, 8)
        assert standing.resting.tolist() == [rest, rest]
