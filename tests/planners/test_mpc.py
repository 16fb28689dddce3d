"""The receding-horizon controller."""

import math

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners import CEM, MPC, PlanStatus, RandomShooting, Uniform


def all_bad(states, actions):
    return torch.full_like(states, math.nan)


@pytest.fixture
def controller(make_planner, goal, rng):
    return MPC(make_planner(), goal, generator=rng)


def test_drives_every_system_to_its_goal(make_planner, point_masses, goal, rng):
    dynamics = point_masses([1.0, -2.0, 0.7])
    state = torch.tensor([[1.5, 0.0], [-1.5, 0.5], [1.2, 0.4]])
    controller = MPC(make_planner(horizon=10), goal, generator=rng)
    for _ in range(60):
        action = controller.act(dynamics, state)
        assert action.shape == (3, 1)
        assert (action.abs() <= 1.0).all()
        state = dynamics.rollout(state, action[:, None, None])[:, 0, 1]
    assert (state.abs() < 0.6).all()
    assert controller.status_counts == {
        PlanStatus.OK: 180,
        PlanStatus.DEADLINE: 0,
        PlanStatus.INFEASIBLE: 0,
        PlanStatus.NO_FINITE_CANDIDATE: 0,
    }


def test_the_action_is_the_plans_first(controller, point_masses):
    assert controller.last_plan is None
    action = controller.act(point_masses([1.0, 2.0]), torch.ones(2, 2))
    assert torch.equal(action, controller.last_plan.actions[:, 0])
    kept = controller.last_plan.actions.clone()
    action.fill_(9.0)
    assert torch.equal(controller.last_plan.actions, kept)


def test_each_plan_starts_from_the_one_before(controller, point_masses):
    healthy, broken = point_masses([1.0]), point_masses([1.0], spoil=all_bad)
    controller.act(healthy, torch.ones(1, 2))
    plan = controller.last_plan.actions[0, :, 0].tolist()
    taken = [controller.act(broken, torch.ones(1, 2)).item() for _ in range(7)]
    assert taken == [*plan[1:], plan[-1], plan[-1]]


def test_reset_forgets_the_plan(controller, point_masses):
    healthy, broken = point_masses([1.0]), point_masses([1.0], spoil=all_bad)
    controller.reset()
    controller.act(healthy, torch.ones(1, 2))
    controller.reset()
    assert controller.last_plan is None
    assert controller.act(broken, torch.ones(1, 2)).tolist() == [[0.0]]


@pytest.mark.parametrize("as_tensor", [False, True])
def test_reset_of_some_systems_leaves_the_others(controller, point_masses, as_tensor):
    healthy = point_masses([1.0, 1.0, 1.0])
    broken = point_masses([1.0, 1.0, 1.0], spoil=all_bad)
    state = torch.ones(3, 2)
    controller.reset([True, False, False])  # nothing to forget yet
    controller.act(healthy, state)
    plan = controller.last_plan.actions
    for marks in ([True, False, False], [False, False, True]):
        controller.reset(torch.tensor(marks) if as_tensor else marks)
    action = controller.act(broken, state)
    assert action[:, 0].tolist() == [0.0, plan[1, 1, 0].item(), 0.0]
    assert controller.last_plan.actions.isfinite().all()
    # The marks were used up: the next plan starts from this one again.
    controller.act(healthy, state)
    plan = controller.last_plan.actions
    assert torch.equal(controller.act(broken, state), plan[:, 1])


def test_two_controllers_with_one_seed_agree(make_planner, point_masses, goal):
    dynamics, state, actions = point_masses([1.0, -1.0]), torch.ones(2, 2), []
    for _ in range(2):
        rng = torch.Generator().manual_seed(3)
        controller = MPC(make_planner(), goal, Uniform(hold=2), generator=rng)
        actions.append(torch.stack([controller.act(dynamics, state) for _ in range(3)]))
    assert torch.equal(actions[0], actions[1])


def test_proposal_and_deadline_reach_the_planner(point_masses, goal, rng, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr("hyperdyn.planners._clock._now", lambda state: float(next(clock)))
    dynamics = point_masses([1.0])
    planner = CEM(horizon=6, samples=50, elites=5, iterations=5)
    controller = MPC(planner, goal, Uniform(hold=6), deadline=1.5, generator=rng)
    controller.act(dynamics, torch.ones(1, 2))
    assert controller.last_plan.status == (PlanStatus.DEADLINE,)
    assert controller.status_counts[PlanStatus.DEADLINE] == 1
    assert len(dynamics.seen_actions) == 1
    assert (dynamics.seen_actions[0] == dynamics.seen_actions[0][:, :, :1]).all()


def test_marks_for_other_systems(controller, point_masses):
    controller.act(point_masses([1.0, 1.0]), torch.ones(2, 2))
    with pytest.raises(InputError, match=r"marks of shape \(3,\).* each of the 2 systems"):
        controller.reset([True, False, True])


def test_other_systems_need_a_reset(unchecked, point_masses, goal, rng):
    controller = MPC(RandomShooting(horizon=3, samples=10), goal, generator=rng)
    controller.act(point_masses([1.0, 1.0]), torch.ones(2, 2))
    with pytest.raises(InputError, match=r"reset\(\)"):
        controller.act(point_masses([1.0]), torch.ones(1, 2))
    controller.reset()
    assert controller.act(point_masses([1.0]), torch.ones(1, 2)).shape == (1, 1)


def test_timing_tells_of_deadlines_and_jitter(point_masses, goal, rng, monkeypatch):
    now, rounds = [0.0], iter([1.0, 1.0, 1.0, 3.0])
    monkeypatch.setattr("hyperdyn.planners._clock._now", lambda state: now[0])

    def slow(states, actions):
        now[0] += next(rounds)
        return goal(states, actions)

    planner = CEM(horizon=6, samples=50, elites=5, iterations=2)
    controller = MPC(planner, slow, deadline=2.1, generator=rng)
    assert controller.timing.plans == 0
    dynamics, state = point_masses([1.0]), torch.ones(1, 2)
    controller.act(dynamics, state)  # one round of a second; another might end at 2.2
    controller.act(dynamics, state)
    controller.act(dynamics, state)
    controller.act(dynamics, state)  # three seconds
    timing = controller.timing
    assert (timing.plans, timing.missed, timing.cut) == (4, 1, 4)
    assert (timing.median, timing.longest) == (1.0, 3.0)
    assert timing.jitter == pytest.approx(0.75**0.5)
