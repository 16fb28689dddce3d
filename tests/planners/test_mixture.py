"""Mixtures: who gets which share, and what becomes of the share of one that fails."""

import math

import pytest
import torch

from hyperdyn.planners import CEM, MPC, Mixture, PlanStatus, RandomShooting, Share, Uniform

STATE = torch.tensor([[0.4, 0.1], [-0.5, 0.3]])
OK = PlanStatus.OK


class Constant:
    """The same action throughout; `spoil(actions, call)` may put non-numbers in, or raise."""

    def __init__(self, action, spoil=None):
        self.action, self.spoil, self.calls = action, spoil, 0

    def propose(self, dynamics, state, n, *, horizon, low, high, generator):
        self.calls += 1
        actions = torch.full((len(state), n, horizon, len(low)), self.action)
        if self.spoil is not None:
            self.spoil(actions, self.calls)
        return actions


def raising(actions, call):
    raise RuntimeError("out of policies")


def counted(actions):
    """How many candidates of each system take 0.25 and 0.75 throughout."""
    return [[int((a == v).flatten(1).all(1).sum()) for v in (0.25, 0.75)] for a in actions]


def test_each_proposal_gets_its_share_and_the_planner_the_rest(
    make_planner, point_masses, goal, rng
):
    dynamics = point_masses([1.0, -2.0])
    mixture = Mixture((Share("a", Constant(0.25), 0.2), Share("b", Constant(0.75), 0.35)))
    plan = make_planner().plan(dynamics, STATE, goal, proposal=mixture, generator=rng)
    assert counted(dynamics.seen_actions[0]) == [[20, 35], [20, 35]]
    assert len(dynamics.seen_actions[0][0].unique(dim=0)) == 45 + 2
    for later in dynamics.seen_actions[1:]:
        assert (later != 0.75).any()
    assert plan.dropped == ()


@pytest.mark.parametrize(("rounds", "calls"), [(1, 1), (2, 2), (None, 3)])
def test_the_rounds_they_take_part_in(point_masses, goal, rng, rounds, calls):
    dynamics, constant = point_masses([1.0, -2.0]), Constant(0.25)
    mixture = Mixture((Share("a", constant, 0.2),), rounds=rounds)
    planner = CEM(horizon=4, samples=50, elites=5, iterations=3)
    planner.plan(dynamics, STATE, goal, proposal=mixture, generator=rng)
    shares = [counted(actions)[0][0] for actions in dynamics.seen_actions]
    assert shares == [10] * calls + [0] * (3 - calls)
    assert constant.calls == calls


def test_small_shares_get_a_candidate_and_whole_ones_all(point_masses, goal, rng):
    planner = RandomShooting(horizon=4, samples=10)
    for shares, wanted in (((0.01, 0.5), [1, 5]), ((0.99, 0.01), [9, 1]), ((0.5, 0.5), [5, 5])):
        dynamics = point_masses([1.0, 1.0])
        mixture = Mixture(
            (Share("a", Constant(0.25), shares[0]), Share("b", Constant(0.75), shares[1]))
        )
        planner.plan(dynamics, STATE, goal, proposal=mixture, generator=rng)
        assert counted(dynamics.seen_actions[0])[0] == wanted


def test_the_best_of_all_sources_wins(make_planner, point_masses, rng):
    def nearness(states, actions):
        return -(actions - 0.75).abs().sum((-2, -1))

    mixture = Mixture((Share("a", Constant(0.25), 0.1), Share("b", Constant(0.75), 0.1)))
    plan = make_planner().plan(
        point_masses([1.0, 1.0]), STATE, nearness, proposal=mixture, generator=rng
    )
    assert plan.actions.unique().tolist() == [0.75]


def test_one_that_raises_loses_its_share_and_the_plan_says_so(
    make_planner, point_masses, goal, rng
):
    dynamics, failing = point_masses([1.0, -2.0]), Constant(0.25, raising)
    mixture = Mixture(
        (Share("a", failing, 0.2), Share("b", Constant(0.75), 0.3)),
        rounds=None,
    )
    plan = make_planner().plan(dynamics, STATE, goal, proposal=mixture, generator=rng)
    (dropped,) = plan.dropped
    assert dropped.name == "a"
    assert dropped.reason == "RuntimeError: out of policies"
    assert dropped.systems == (0, 1)
    assert plan.status == (OK, OK)
    assert plan.nonfinite_fraction.tolist() == [0.0, 0.0]
    assert counted(dynamics.seen_actions[0]) == [[0, 30], [0, 30]]
    assert failing.calls == 1  # not asked again in this plan


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_one_that_is_not_finite_loses_its_share(make_planner, point_masses, goal, rng, value):
    def late(actions, call):
        actions[:, 3, -1] = value

    dynamics = point_masses([1.0, -2.0])
    mixture = Mixture((Share("a", Constant(0.25, late), 0.2),))
    plan = make_planner().plan(dynamics, STATE, goal, proposal=mixture, generator=rng)
    assert [(one.name, one.systems) for one in plan.dropped] == [("a", (0, 1))]
    assert "not finite" in plan.dropped[0].reason
    assert plan.nonfinite_fraction.tolist() == [0.0, 0.0]
    assert counted(dynamics.seen_actions[0]) == [[0, 0], [0, 0]]


def test_a_share_lost_in_one_system_is_kept_in_the_others(point_masses, goal, rng):
    def second_system(actions, call):
        if call == 1:
            actions[1] = math.nan

    dynamics = point_masses([1.0, -2.0])
    mixture = Mixture((Share("a", Constant(0.25, second_system), 0.2),), rounds=None)
    planner = CEM(horizon=4, samples=50, elites=5, iterations=3)
    plan = planner.plan(dynamics, STATE, goal, proposal=mixture, generator=rng)
    assert [(one.name, one.systems) for one in plan.dropped] == [("a", (1,))]
    assert [counted(actions) for actions in dynamics.seen_actions] == [[[10, 0], [0, 0]]] * 3


def test_a_later_plan_asks_again(point_masses, goal, rng):
    def once(actions, call):
        if call == 1:
            raise RuntimeError("not yet")

    dynamics = point_masses([1.0, -2.0])
    mixture = Mixture((Share("a", Constant(0.25, once), 0.2),))
    controller = MPC(RandomShooting(horizon=4, samples=50), goal, mixture, generator=rng)
    dropped = []
    for _ in range(2):
        controller.act(dynamics, STATE)
        dropped.append(len(controller.last_plan.dropped))
    assert dropped == [1, 0]
    assert counted(dynamics.seen_actions[1]) == [[10, 0], [10, 0]]


def test_one_of_another_shape_loses_its_share(point_masses, goal, rng):
    class Short:
        def propose(self, dynamics, state, n, **space):
            return torch.zeros(len(state), n - 1, 4, 1)

    mixture = Mixture((Share("a", Short(), 0.2),))
    plan = RandomShooting(horizon=4, samples=50).plan(
        point_masses([1.0, 1.0]), STATE, goal, proposal=mixture, generator=rng
    )
    assert "(2, 9, 4, 1)" in plan.dropped[0].reason


def test_an_interrupt_is_not_swallowed(make_planner, point_masses, goal, rng):
    def interrupted(actions, call):
        raise KeyboardInterrupt

    mixture = Mixture((Share("a", Constant(0.25, interrupted), 0.2),))
    with pytest.raises(KeyboardInterrupt):
        make_planner().plan(point_masses([1.0, 1.0]), STATE, goal, proposal=mixture, generator=rng)


def test_the_previous_plan_competes_beside_the_mixture(make_planner, point_masses, rng):
    previous = torch.full((2, 6, 1), 0.5)
    mixture = Mixture((Share("a", Uniform(), 1.0),))
    plan = make_planner(keep_previous=True).plan(
        point_masses([1.0, 1.0]),
        STATE,
        lambda states, actions: -(actions - 0.5).abs().sum((-2, -1)),
        proposal=mixture,
        previous=previous,
        generator=rng,
    )
    assert torch.equal(plan.actions, previous)
