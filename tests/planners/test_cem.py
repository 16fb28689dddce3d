"""The cross-entropy method: what it fits, and how close it comes."""

import math

import pytest
import torch

from hyperdyn.planners import CEM, ActionBox, PlanStatus, Uniform
from hyperdyn.planners.cem import ActionGaussian

STATE = torch.tensor([[0.4, 0.1], [-0.5, 0.3]])


def fit(actions, returns, *, mean=0.0, std=1.0, elites=2, smoothing=0.0, least=0.01):
    """One update for one system, one step and one dimension."""
    start = ActionGaussian(
        torch.full((1, 1, 1), mean),
        torch.full((1, 1, 1), std),
        torch.full((1, 1, 1), least),
        ActionBox(1, 1, torch.tensor([-1.0]), torch.tensor([1.0])),
    )
    planner = CEM(horizon=1, samples=len(actions), elites=elites, smoothing=smoothing)
    fitted = planner.update(
        start, torch.tensor(actions).reshape(1, -1, 1, 1), torch.tensor([returns])
    )
    return fitted.mean.item(), fitted.std.item()


def test_the_gaussian_is_fitted_to_the_elites():
    mean, std = fit([0.9, 0.2, 0.6, -0.9], [-9.0, -1.0, -2.0, -8.0])
    assert mean == pytest.approx(0.4)
    assert std == pytest.approx(0.2)


def test_smoothing_keeps_a_share_of_the_old():
    mean, std = fit([0.2, 0.6], [-1.0, -2.0], mean=-0.6, std=1.0, smoothing=0.25)
    assert mean == pytest.approx(0.25 * -0.6 + 0.75 * 0.4)
    assert std == pytest.approx(0.25 * 1.0 + 0.75 * 0.2)


def test_deviation_never_falls_below_the_least():
    assert fit([0.5, 0.5], [-1.0, -1.0], least=0.07) == pytest.approx((0.5, 0.07))


def test_candidates_that_cannot_be_ranked_teach_nothing():
    never = -math.inf
    assert fit([0.9, 0.2, 0.6], [never, -1.0, -2.0], elites=3) == pytest.approx((0.4, 0.2))
    assert fit([0.9, 0.2, 0.6], [never, -1.0, never], elites=3) == pytest.approx((0.2, 1.0))
    assert fit([0.9, 0.2], [never, never], mean=0.3, std=0.8) == pytest.approx((0.3, 0.8))


def test_systems_are_fitted_apart(rng):
    box = ActionBox(2, 3, torch.tensor([-1.0]), torch.tensor([1.0]))
    planner = CEM(horizon=3, samples=40, elites=4, smoothing=0.0)
    start = planner.initial(box, box.plans(box.middle))
    actions = planner.sample(start, 40, rng)
    returns = torch.stack([actions[0, :, 0, 0], -actions[1, :, 0, 0]])
    mean = planner.update(start, actions, returns).mean[:, 0, 0]
    top, bottom = actions[0, :, 0, 0].topk(4).values, -(-actions[1, :, 0, 0]).topk(4).values
    torch.testing.assert_close(mean, torch.stack([top.mean(), bottom.mean()]))


def first_round(point_masses, goal, rng, **options):
    dynamics = point_masses([1.0], axes=2)
    planner = CEM(horizon=5, samples=4000, iterations=2, **options)
    previous = torch.tensor([[0.1], [0.2], [0.3], [-0.2], [-0.1]]).repeat(1, 2)[None]
    planner.plan(dynamics, torch.zeros(1, 4), goal, previous=previous, generator=rng)
    return dynamics.seen_actions[0][0]


def test_deviation_is_respected_in_each_dimension(point_masses, goal, rng):
    drawn = first_round(
        point_masses, goal, rng, low=-8.0, high=(8.0, 16.0), initial_std=(0.05, 0.2)
    )
    wanted = torch.tensor([0.05 * 8.0, 0.2 * 12.0]).expand(5, 2)
    torch.testing.assert_close(drawn.std(dim=0), wanted, rtol=0.06, atol=0.0)


def test_the_first_mean_is_the_shifted_previous_plan(point_masses, goal, rng):
    drawn = first_round(point_masses, goal, rng, initial_std=0.05)
    wanted = torch.tensor([0.2, 0.3, -0.2, -0.1, -0.1])[:, None].expand(5, 2)
    torch.testing.assert_close(drawn.mean(dim=0), wanted, rtol=0.0, atol=0.01)


def test_without_a_previous_plan_the_first_mean_is_the_middle(point_masses, goal, rng):
    dynamics = point_masses([1.0])
    planner = CEM(horizon=5, samples=4000, iterations=1, low=1.0, high=5.0, initial_std=0.1)
    planner.plan(dynamics, torch.zeros(1, 2), goal, generator=rng)
    mean = dynamics.seen_actions[0].mean(dim=(0, 1, 3))
    torch.testing.assert_close(mean, torch.full((5,), 3.0), rtol=0.0, atol=0.02)


def test_systems_without_a_previous_plan_start_from_the_middle(point_masses, goal, rng):
    dynamics = point_masses([1.0, 1.0])
    planner = CEM(horizon=5, samples=4000, iterations=1, low=1.0, high=5.0, initial_std=0.1)
    previous = torch.full((2, 5, 1), 2.0)
    previous[1, 3] = math.nan
    planner.plan(dynamics, torch.zeros(2, 2), goal, previous=previous, generator=rng)
    mean = dynamics.seen_actions[0].mean(dim=(1, 3))
    wanted = torch.tensor([[2.0], [3.0]]).expand(2, 5)
    torch.testing.assert_close(mean, wanted, rtol=0.0, atol=0.02)


def test_the_previous_plan_is_a_candidate_of_the_first_round_only(point_masses, goal, rng):
    dynamics = point_masses([1.0])
    planner = CEM(horizon=5, samples=20, elites=2, iterations=3)
    previous = torch.full((1, 5, 1), 0.25)
    planner.plan(dynamics, torch.ones(1, 2), goal, previous=previous, generator=rng)
    kept = [bool((a == 0.25).all(dim=(2, 3)).any()) for a in dynamics.seen_actions]
    assert kept == [True, False, False]


def test_warm_start_is_never_worse_than_the_previous_plan(point_masses, goal, best_return, rng):
    dynamics, state = point_masses([1.0, 1.0]), STATE
    sharp = CEM(horizon=6, samples=500, iterations=8).plan(dynamics, state, goal, generator=rng)
    moved = dynamics.rollout(state, sharp.actions[:, None])[:, 0, 1]
    shifted = torch.cat([sharp.actions[:, 1:], sharp.actions[:, -1:]], dim=1)[:, None]
    floor = goal(dynamics.rollout(moved, shifted), shifted)[:, 0]
    weak = CEM(horizon=6, samples=4, elites=2, iterations=1)
    plan = weak.plan(dynamics, moved, goal, previous=sharp, generator=rng)
    assert (plan.expected_return >= floor).all()


def test_a_proposal_makes_the_first_round_only(point_masses, goal, rng):
    dynamics = point_masses([1.0])
    planner = CEM(horizon=6, samples=50, elites=5, iterations=3)
    planner.plan(dynamics, torch.ones(1, 2), goal, proposal=Uniform(hold=6), generator=rng)
    held = [bool((a == a[:, :, :1]).all()) for a in dynamics.seen_actions]
    assert held == [True, False, False]


@pytest.mark.parametrize(
    ("deadline", "rounds"), [(0.5, 1), (2.19, 1), (2.21, 2), (4.1, 3), (9.9, 8)]
)
def test_stops_before_the_round_that_would_overrun(
    point_masses, goal, rng, monkeypatch, deadline, rounds
):
    """A round takes one second of a clock that only the model moves; the margin is a fifth."""
    now = 100.0
    monkeypatch.setattr("hyperdyn.planners._clock._now", lambda state: now)

    def slow(states, actions):
        nonlocal now
        now += 1.0
        return states

    dynamics = point_masses([1.0, 1.0], spoil=slow)
    planner = CEM(horizon=6, samples=50, elites=5, iterations=8)
    plan = planner.plan(dynamics, STATE, goal, deadline=deadline, generator=rng)
    assert plan.iterations == len(dynamics.seen_actions) == rounds
    assert plan.elapsed == float(rounds)
    assert plan.status == ((PlanStatus.OK if rounds == 8 else PlanStatus.DEADLINE),) * 2
    returns = [goal(point_masses([1.0, 1.0]).rollout(STATE, a), a) for a in dynamics.seen_actions]
    assert torch.equal(plan.expected_return, torch.cat(returns, dim=1).amax(dim=1))


def test_the_slowest_round_counts(point_masses, goal, rng, monkeypatch):
    now, durations = 0.0, iter([3.0, 1.0, 1.0, 1.0])
    monkeypatch.setattr("hyperdyn.planners._clock._now", lambda state: now)

    def uneven(states, actions):
        nonlocal now
        now += next(durations)
        return states

    dynamics = point_masses([1.0], spoil=uneven)
    planner = CEM(horizon=6, samples=50, elites=5, iterations=4)
    plan = planner.plan(dynamics, STATE[:1], goal, deadline=7.0, generator=rng)
    assert plan.iterations == 2


def test_bad_systems_count_in_the_share_over_all_rounds(point_masses, goal, rng):
    rounds = iter([True, False])

    def first_round_only(states, actions):
        return torch.full_like(states, math.nan) if next(rounds) else states

    dynamics = point_masses([1.0], spoil=first_round_only)
    planner = CEM(horizon=6, samples=50, elites=5, iterations=2)
    plan = planner.plan(dynamics, STATE[:1], goal, generator=rng)
    assert plan.nonfinite_fraction.tolist() == [0.5]
    assert plan.status == (PlanStatus.OK,)
