"""What is not finite never becomes a plan, for any planner."""

import dataclasses
import math

import pytest
import torch

from hyperdyn.planners import MPC, PlanStatus

OK, NONE_FINITE = PlanStatus.OK, PlanStatus.NO_FINITE_CANDIDATE
BAD = [math.nan, math.inf, -math.inf]


def spoil_candidates(chosen, value=math.nan):
    """Put `value` into one late state of the candidates that `chosen(actions)` marks [E, N]."""

    def spoil(states, actions):
        states = states.clone()
        states[:, :, -2, 0] = torch.where(chosen(actions), value, states[:, :, -2, 0])
        return states

    return spoil


def towards_the_hole(states, actions):
    """Every return is negative, and the best ones lie where first actions are positive."""
    return -10.0 + actions[:, :, 0, 0]


@pytest.mark.parametrize("value", BAD)
def test_nonfinite_states_never_win(make_planner, point_masses, rng, value):
    def positive(actions):
        return actions[:, :, 0, 0] > 0

    dynamics = point_masses([1.0], spoil=spoil_candidates(positive, value))
    plan = make_planner().plan(dynamics, torch.zeros(1, 2), towards_the_hole, generator=rng)
    assert -0.2 < plan.actions[0, 0, 0] <= 0.0
    assert plan.status == (OK,)
    assert 0.2 < plan.nonfinite_fraction[0] < 0.8


@pytest.mark.parametrize("value", BAD)
def test_nonfinite_returns_never_win(make_planner, point_masses, rng, value):
    def holed(states, actions):
        returns = towards_the_hole(states, actions)
        return torch.where(actions[:, :, 0, 0] > 0, value, returns)

    plan = make_planner().plan(point_masses([1.0]), torch.zeros(1, 2), holed, generator=rng)
    assert -0.2 < plan.actions[0, 0, 0] <= 0.0
    assert plan.expected_return[0] < -10.0 + 1e-6


def only(*candidates):
    """Mark all candidates but these."""

    def chosen(actions):
        marks = torch.ones(actions.shape[:2], dtype=torch.bool)
        marks[:, [candidate for candidate in candidates if candidate < actions.shape[1]]] = False
        return marks

    return chosen


def share_of(bad, dynamics):
    """`bad` candidates of a system as a share of all that the model saw."""
    return pytest.approx(bad / sum(actions.shape[1] for actions in dynamics.seen_actions))


def test_one_bad_candidate_is_left_out(make_planner, point_masses, goal, rng):
    def first(actions):
        return ~only(0)(actions)

    dynamics = point_masses([1.0], spoil=spoil_candidates(first))
    plan = make_planner().plan(dynamics, torch.ones(1, 2), goal, generator=rng)
    assert plan.status == (OK,)
    assert plan.nonfinite_fraction.item() == share_of(len(dynamics.seen_actions), dynamics)


def test_the_one_good_candidate_wins(make_planner, point_masses, goal, rng):
    dynamics = point_masses([1.0, 2.0], spoil=spoil_candidates(only(3)))
    plan = make_planner().plan(dynamics, torch.ones(2, 2), goal, generator=rng)
    assert plan.status == (OK, OK)
    rounds = [actions for actions in dynamics.seen_actions if actions.shape[1] > 3]
    bad = sum(actions.shape[1] for actions in dynamics.seen_actions) - len(rounds)
    assert plan.nonfinite_fraction[0] == plan.nonfinite_fraction[1]
    assert plan.nonfinite_fraction[0].item() == share_of(bad, dynamics)
    good = torch.stack([actions[:, 3] for actions in rounds], dim=1)
    for system in range(2):
        assert any(torch.equal(plan.actions[system], one) for one in good[system])
    assert all(actions.isfinite().all() for actions in dynamics.seen_actions)


def test_none_good_falls_back_to_zeros_within_bounds(make_planner, point_masses, goal, rng):
    dynamics = point_masses([1.0], axes=2, spoil=spoil_candidates(only()))
    planner = make_planner(low=(-1.0, 0.25), high=(1.0, 0.5))
    plan = planner.plan(dynamics, torch.ones(1, 4), goal, generator=rng)
    assert plan.status == (NONE_FINITE,)
    assert plan.actions[0].unique(dim=0).tolist() == [[0.0, 0.25]]
    assert plan.expected_return.tolist() == [-math.inf]
    assert plan.nonfinite_fraction.tolist() == [1.0]


@pytest.mark.parametrize("warm_start", [True, False])
def test_none_good_falls_back_to_the_shifted_previous_plan(
    make_planner, point_masses, goal, rng, warm_start
):
    dynamics = point_masses([1.0], spoil=spoil_candidates(only()))
    previous = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 7.0]).reshape(1, 6, 1)
    planner = make_planner(warm_start=warm_start)
    plan = planner.plan(dynamics, torch.ones(1, 2), goal, previous=previous, generator=rng)
    wanted = torch.tensor([0.2, 0.3, 0.4, 0.5, 1.0, 1.0])
    assert torch.equal(plan.actions[0, :, 0], wanted)


def test_a_previous_plan_that_is_not_finite_is_not_used(make_planner, point_masses, goal, rng):
    dynamics = point_masses([1.0, 1.0], spoil=spoil_candidates(only()))
    previous = torch.full((2, 6, 1), 0.5)
    previous[0, 4] = math.nan
    plan = make_planner().plan(dynamics, torch.ones(2, 2), goal, previous=previous, generator=rng)
    assert plan.actions[:, :, 0].unique(dim=1).tolist() == [[0.0], [0.5]]


def test_one_bad_system_does_not_disturb_the_others(make_planner, point_masses, goal):
    def second(actions):
        return torch.tensor([[False], [True], [False]]).expand(actions.shape[:2])

    state = torch.tensor([[0.5, 0.0], [0.2, 0.1], [-0.3, 0.0]])
    plans = [
        make_planner().plan(
            point_masses([1.0, 2.0, 3.0], spoil=spoil),
            state,
            goal,
            generator=torch.Generator().manual_seed(5),
        )
        for spoil in (None, spoil_candidates(second))
    ]
    assert plans[1].status == (OK, NONE_FINITE, OK)
    assert plans[1].nonfinite_fraction.tolist() == [0.0, 1.0, 0.0]
    assert torch.equal(plans[1].actions[[0, 2]], plans[0].actions[[0, 2]])
    assert not plans[1].actions[1].any()


@pytest.mark.parametrize("value", BAD)
def test_a_state_that_is_not_finite_stops_that_system_only(make_planner, point_masses, goal, value):
    plans = []
    dynamics = point_masses([1.0, 2.0])
    for first in (0.5, value):
        state = torch.tensor([[first, 0.0], [0.2, 0.1]])
        rng = torch.Generator().manual_seed(5)
        plans.append(make_planner().plan(dynamics, state, goal, generator=rng))
    assert plans[1].status == (NONE_FINITE, OK)
    assert torch.equal(plans[1].actions[1], plans[0].actions[1])
    assert not plans[1].actions[0].any()
    assert all(states.isfinite().all() for states in dynamics.seen_states)


class Proposing:
    """Positive actions, but nothing finite in the candidates from `first_bad` on."""

    def __init__(self, first_bad, value):
        self.first_bad, self.value = first_bad, value

    def propose(self, dynamics, state, n, *, horizon, low, high, generator):
        actions = torch.full((len(state), n, horizon, len(low)), -0.5)
        actions[:, self.first_bad :, 2] = self.value
        return actions


@pytest.mark.parametrize("value", BAD)
def test_proposed_actions_that_are_not_finite_never_win(make_planner, point_masses, rng, value):
    seen = []

    def prefers_large(states, actions):
        seen.append(actions.isfinite().all())
        return -10.0 + actions[:, :, 2, 0]

    takes = {field.name for field in dataclasses.fields(make_planner())}
    planner = make_planner(**({"iterations": 1} if "iterations" in takes else {}))
    dynamics, state = point_masses([1.0]), torch.zeros(1, 2)
    plan = planner.plan(dynamics, state, prefers_large, proposal=Proposing(1, value), generator=rng)
    assert plan.actions.unique().tolist() == [-0.5]
    assert plan.nonfinite_fraction.item() == share_of(99, dynamics)
    plan = planner.plan(dynamics, state, prefers_large, proposal=Proposing(0, value), generator=rng)
    assert plan.status == (NONE_FINITE,)
    assert all(seen), "the model was handed what is not finite"


def test_control_recovers_with_the_model(make_planner, point_masses, goal, rng):
    planner = make_planner()
    controller = MPC(planner, goal, generator=rng)
    healthy, state = point_masses([1.0]), torch.tensor([[0.4, 0.0]])
    broken = point_masses([1.0], spoil=spoil_candidates(only()))
    controller.act(healthy, state)
    for _ in range(8):
        action = controller.act(broken, state)
        assert action.isfinite().all()
        assert controller.last_plan.status == (NONE_FINITE,)
    action = controller.act(healthy, state)
    assert controller.last_plan.status == (OK,)
    assert action.item() < 0.0
    assert controller.status_counts[NONE_FINITE] == 8
    assert controller.status_counts[OK] == 2


def test_a_model_that_writes_into_its_actions_cannot_break_the_plan(
    make_planner, point_masses, goal, rng
):
    def vandal(states, actions):
        actions.fill_(math.nan)
        return states

    plan = make_planner().plan(
        point_masses([1.0], spoil=vandal),
        torch.ones(1, 2),
        lambda s, a: s[:, :, -1, 0],
        generator=rng,
    )
    assert plan.actions.isfinite().all()


def test_huge_is_still_finite(make_planner, point_masses, rng):
    def huge(states, actions):
        return torch.full_like(states, 3e38)

    plan = make_planner().plan(
        point_masses([1.0], spoil=huge),
        torch.ones(1, 2),
        lambda states, actions: actions[:, :, 0, 0],
        generator=rng,
    )
    assert plan.status == (OK,)
    assert plan.nonfinite_fraction.tolist() == [0.0]
