"""Planning with several models of the same systems."""

import math

import pytest
import torch

from hyperdyn.planners import Ensemble, PlanStatus


def towards(states, actions):
    """How far to the right the last state is."""
    return states[:, :, -1, 0]


def test_the_worst_case_decides_where_models_disagree(make_planner, point_masses, rng):
    # One model says that pushing right leads right, the other, more strongly, that it leads left.
    ensemble = Ensemble((point_masses([1.0]), point_masses([-2.0])), risk="worst")
    plan = make_planner().plan(ensemble, torch.zeros(1, 2), towards, generator=rng)
    members = [m.rollout(torch.zeros(1, 2), plan.actions[:, None]) for m in ensemble.members]
    worst = min(towards(states, None).item() for states in members)
    assert plan.expected_return.item() == pytest.approx(worst, abs=1e-6)
    assert worst > -0.05, "nothing gained, nothing risked"

    hopeful = Ensemble(ensemble.members, risk="mean")
    plan = make_planner().plan(hopeful, torch.zeros(1, 2), towards, generator=rng)
    assert plan.actions.mean() < -0.3, "on average, left pays"


def test_caution_grows_with_k(make_planner, point_masses, rng):
    members, state = (point_masses([1.0]), point_masses([3.0])), torch.zeros(1, 2)
    spreads = []
    for k in (0.0, 3.0):
        ensemble = Ensemble(members, risk="mean-minus-std", k=k)
        plan = make_planner(samples=300).plan(ensemble, state, towards, generator=rng)
        spreads.append(plan.disagreement[0, -1, 0].item())
    assert spreads[1] < 0.5 * spreads[0]


def test_the_plan_says_where_the_members_disagree(make_planner, point_masses, goal, rng):
    members = (point_masses([1.0, 1.0]), point_masses([1.0, 2.0]))
    plan = make_planner().plan(Ensemble(members), torch.ones(2, 2), goal, generator=rng)
    assert plan.disagreement.shape == (2, 7, 2)
    assert not plan.disagreement[0].any(), "there they are the same"
    assert not plan.disagreement[:, 0].any(), "all begin at the given state"
    assert plan.disagreement[1, -1].min() > 0
    alone = make_planner().plan(members[0], torch.ones(2, 2), goal, generator=rng)
    assert alone.disagreement is None


def test_a_member_that_diverges_takes_its_candidates_out(make_planner, point_masses, goal, rng):
    def right_diverges(states, actions):
        states = states.clone()
        states[..., -1, 0][actions[:, :, 0, 0] > 0] = math.nan
        return states

    members = (point_masses([1.0]), point_masses([1.0], spoil=right_diverges))
    plan = make_planner().plan(Ensemble(members), torch.zeros(1, 2), goal, generator=rng)
    assert plan.status == (PlanStatus.OK,)
    assert plan.actions[0, 0, 0] <= 0
    assert 0.05 < plan.nonfinite_fraction.item() < 0.8
