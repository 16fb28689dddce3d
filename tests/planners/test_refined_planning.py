"""Gradient refinement inside planning: better plans, and never worse ones."""

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners import Ensemble, GradientRefinement, PlanStatus, StateBox
from hyperdyn.planners.state_objectives import GoalPosition

STATE = torch.tensor([[0.8, 0.0], [-0.6, 0.4]])


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_refined_plan_is_better(make_planner, point_masses, goal, best_return):
    dynamics = point_masses([1.0, 2.0])
    coarse = make_planner(samples=60).plan(dynamics, STATE, goal, generator=seeded())
    refined = make_planner(samples=60, refinement=GradientRefinement(steps=10)).plan(
        dynamics, STATE, goal, generator=seeded()
    )
    best = best_return(dynamics, STATE, 6)
    assert (refined.expected_return >= coarse.expected_return).all()
    missed = (best - coarse.expected_return).sum(), (best - refined.expected_return).sum()
    assert missed[1] < missed[0]
    assert (refined.expected_return <= best + 1e-4).all()
    assert (refined.actions.abs() <= 1.0).all()


def test_steps_that_lead_nowhere_cost_nothing(make_planner, point_masses):
    """Every way is down: a return that is highest where the planner already is, with a kink."""

    def spiky(states, actions):
        return -actions.abs().sum((-2, -1)) - 1e3 * (actions.detach().abs() > 0.9).sum((-2, -1))

    dynamics = point_masses([1.0, 2.0])
    refinement = GradientRefinement(steps=3, rate=100.0)
    plans = [
        make_planner(refinement=chosen).plan(dynamics, STATE, spiky, generator=seeded())
        for chosen in (None, refinement)
    ]
    assert (plans[1].expected_return >= plans[0].expected_return).all()


def test_it_obeys_hard_constraints(make_planner, point_masses):
    objective = GoalPosition((0,), target=2.0).subject_to(StateBox((0,), high=0.5))
    dynamics, state = point_masses([1.0]), torch.zeros(1, 2)
    plans = [
        make_planner(refinement=chosen).plan(dynamics, state, objective, generator=seeded())
        for chosen in (None, GradientRefinement(steps=8, rate=0.1))
    ]
    assert plans[1].violation.item() == 0.0
    assert plans[1].expected_return >= plans[0].expected_return


def test_an_ensemble_is_refined_together(make_planner, point_masses, goal):
    ensemble = Ensemble((point_masses([1.0, 2.0]), point_masses([1.5, 1.0])), risk="worst")
    plans = [
        make_planner(refinement=chosen).plan(ensemble, STATE, goal, generator=seeded())
        for chosen in (None, GradientRefinement())
    ]
    assert (plans[1].expected_return > plans[0].expected_return).all()


def test_a_deadline_leaves_it_out(make_planner, point_masses, goal):
    planner = make_planner(refinement=GradientRefinement())
    plan = planner.plan(point_masses([1.0, 1.0]), STATE, goal, deadline=1e-9, generator=seeded())
    assert plan.status == (PlanStatus.DEADLINE,) * 2
    assert plan.expected_return.isfinite().all()


def test_a_simulator_without_gradients_is_refused(make_planner, point_masses, goal):
    dynamics = point_masses([1.0, 1.0], spoil=lambda states, actions: states.detach())
    planner = make_planner(refinement=GradientRefinement())
    with pytest.raises(InputError, match="Plan without a refinement"):
        planner.plan(dynamics, STATE, goal, generator=seeded())


def test_it_works_before_and_after_inference_mode(make_planner, point_masses, goal):
    planner, dynamics = make_planner(refinement=GradientRefinement()), point_masses([1.0, 2.0])
    with torch.inference_mode():
        inside = planner.plan(dynamics, STATE, goal, generator=seeded())
    outside = planner.plan(dynamics, STATE, goal, generator=seeded())
    assert torch.equal(inside.actions, outside.actions)
