"""Hard constraints in planning: feasible before infeasible, then by violation, then by return."""

import math

import pytest
import torch

from hyperdyn.planners import GoalPosition, PlanStatus, StateBox
from hyperdyn.planners._scores import Scores

GOAL = GoalPosition((0,), target=2.0)
WALL = StateBox((0,), high=0.5)


def test_the_best_plan_stays_where_it_may(make_planner, point_masses, rng):
    dynamics, state = point_masses([2.0, 3.0]), torch.zeros(2, 2)
    planner = make_planner(samples=300)
    free = planner.plan(dynamics, state, GOAL, generator=rng)
    held = planner.plan(dynamics, state, GOAL.subject_to(WALL), generator=rng)

    def furthest(plan):
        return dynamics.rollout(state, plan.actions[:, None])[:, 0, :, 0].amax(dim=1)

    assert (furthest(free) > 0.5).all(), "the constraint is one that matters"
    assert (furthest(held) <= 0.5).all()
    assert (furthest(held) > 0.2).all(), "as near to the goal as it may"
    assert held.status == (PlanStatus.OK,) * 2
    assert held.violation.tolist() == [0.0, 0.0]
    assert (held.expected_return < free.expected_return).all()


def test_where_nothing_is_feasible_the_least_violation_wins(make_planner, point_masses, rng):
    # It starts beyond the wall, fast; the return asks for yet more, and must not be heard.
    dynamics, state = point_masses([1.0]), torch.tensor([[2.0, 1.0]])
    objective = GoalPosition((0,), target=9.0).subject_to(WALL)
    plan = make_planner(samples=300).plan(dynamics, state, objective, generator=rng)
    assert plan.status == (PlanStatus.INFEASIBLE,)
    braking = torch.full((1, 1, 6, 1), -1.0)
    least = objective.violation(dynamics.rollout(state, braking), braking)[0, 0]
    assert least <= plan.violation[0] < 1.2 * least


def test_one_system_may_be_infeasible_and_the_others_not(make_planner, point_masses, rng):
    state = torch.tensor([[0.0, 0.0], [2.0, 1.0]])
    plan = make_planner().plan(
        point_masses([1.0, 1.0]), state, GOAL.subject_to(WALL), generator=rng
    )
    assert plan.status == (PlanStatus.OK, PlanStatus.INFEASIBLE)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_violation_that_is_not_finite_is_not_ranked(make_planner, point_masses, rng, value):
    def half(states, actions):
        return torch.where(actions[:, :, 0, 0] > 0, value, 0.0)

    plan = make_planner().plan(
        point_masses([1.0]), torch.zeros(1, 2), GOAL.subject_to(half), generator=rng
    )
    assert plan.status == (PlanStatus.OK,)
    assert plan.actions[0, 0, 0] <= 0
    assert 0.2 < plan.nonfinite_fraction.item() < 0.8


def scores() -> Scores:
    never = -math.inf
    returns = torch.tensor([[1.0, 5.0, -2.0, never, 9.0], [1.0, 5.0, -2.0, never, 9.0]])
    violations = torch.tensor([[0.0, 2.0, 0.0, math.inf, 0.1], [3.0, 2.0, 7.0, math.inf, 2.5]])
    return Scores(returns, violations)


def test_ranks_put_feasible_first_then_less_violation():
    ranks = scores().ranks(infeasible=True)
    assert ranks[0].argsort(descending=True).tolist() == [0, 2, 4, 1, 3]
    assert ranks[1].argsort(descending=True).tolist() == [1, 4, 0, 2, 3]
    assert ranks[0, [0, 2]].tolist() == [1.0, -2.0], "feasible ones keep their return"
    assert ranks.isneginf().nonzero().tolist() == [[0, 3], [1, 3]]


def test_infeasible_candidates_count_only_where_there_are_no_others():
    ranks = scores().ranks(infeasible=False)
    assert ranks[0].tolist() == [1.0, -math.inf, -2.0, -math.inf, -math.inf]
    assert ranks[1].tolist() == [-3.0, -2.0, -7.0, -math.inf, -2.5]


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_no_scale_of_violations_is_lost_beside_the_returns(scale):
    returns = 1e6 * torch.ones(1, 500)
    violations = scale * torch.arange(500.0)[None]
    ranks = Scores(returns, violations).ranks(infeasible=True)[0]
    assert (ranks.diff() < 0).all()
    assert ranks.isfinite().all()
