"""What every planner promises, whichever it is."""

import dataclasses

import pytest
import torch

from hyperdyn.planners import Gaussian, PlanStatus, Uniform

OK = PlanStatus.OK


def test_each_system_is_planned_with_its_own_dynamics(
    make_planner, point_masses, goal, best_return, rng
):
    dynamics = point_masses([1.0, -1.0, 2.0, -0.5])
    state = torch.tensor([[0.4, 0.1]]).repeat(4, 1)
    plan = make_planner(samples=500).plan(dynamics, state, goal, generator=rng)

    idle = goal(dynamics.rollout(state, torch.zeros(4, 1, 6, 1)), torch.zeros(4, 1, 6, 1))[:, 0]
    short = (best_return(dynamics, state, 6) - plan.expected_return).div(idle.neg())
    assert plan.status == (OK,) * 4
    assert (short > -1e-4).all(), "better than the optimum"
    assert (short < 0.1).all()
    # Pushing towards the origin takes the opposite action where the gain has the opposite sign.
    assert plan.actions[:, 0, 0].sign().tolist() == [-1, 1, -1, 1]


def test_planning_jointly_is_as_good_as_planning_separately(make_planner, point_masses, goal):
    gains, state = [1.0, -1.0, 3.0], torch.tensor([[0.5, 0.0], [-0.4, 0.2], [0.3, -0.3]])
    planner = make_planner(samples=500)

    def mean_return(joint: bool) -> torch.Tensor:
        total = torch.zeros(3)
        for seed in range(32):
            rng = torch.Generator().manual_seed(seed)
            groups = [[0, 1, 2]] if joint else [[0], [1], [2]]
            for group in groups:
                dynamics = point_masses([gains[system] for system in group])
                plan = planner.plan(dynamics, state[group], goal, generator=rng)
                total[group] += plan.expected_return / 32
        return total

    torch.testing.assert_close(mean_return(True), mean_return(False), rtol=0.05, atol=0.0)


def test_expected_return_is_what_the_model_promises_for_the_plan(
    make_planner, point_masses, goal, rng
):
    dynamics, state = point_masses([1.0, 0.5]), torch.tensor([[0.4, 0.1], [1.0, 0.0]])
    plan = make_planner().plan(dynamics, state, goal, generator=rng)
    again = goal(dynamics.rollout(state, plan.actions[:, None]), plan.actions[:, None])[:, 0]
    torch.testing.assert_close(plan.expected_return, again)
    assert plan.nonfinite_fraction.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("proposal", [None, Uniform(hold=2), Gaussian(std=10.0)])
def test_the_model_never_sees_an_action_beyond_the_bounds(
    make_planner, point_masses, goal, rng, proposal
):
    low, high = torch.tensor([-1.0, 0.3, -0.1]), torch.tensor([-0.2, 0.5, 2.0])
    dynamics = point_masses([1.0, 2.0], axes=3)
    planner = make_planner(low=low.tolist(), high=high.tolist())
    previous = torch.full((2, 6, 3), 50.0)
    plan = planner.plan(
        dynamics, torch.ones(2, 6), goal, proposal=proposal, previous=previous, generator=rng
    )
    for actions in (*dynamics.seen_actions, plan.actions):
        assert (actions >= low).all()
        assert (actions <= high).all()
    spread = torch.cat(dynamics.seen_actions, dim=1).flatten(0, 2)
    assert (spread.amax(0) - spread.amin(0) > 0.3 * (high - low)).all()


@pytest.mark.parametrize("axes", [1, 2, 12])
def test_any_number_of_action_dimensions(make_planner, point_masses, goal, rng, axes):
    plan = make_planner().plan(
        point_masses([1.0], axes=axes), torch.ones(1, 2 * axes), goal, generator=rng
    )
    assert plan.actions.shape == (1, 6, axes)
    assert plan.status == (OK,)


def test_bounds_that_touch_leave_no_choice(make_planner, point_masses, goal, rng):
    planner = make_planner(low=(0.25, -1.0), high=(0.25, 1.0))
    plan = planner.plan(point_masses([1.0], axes=2), torch.ones(1, 4), goal, generator=rng)
    assert (plan.actions[..., 0] == 0.25).all()


def test_no_autograd_graph_grows(make_planner, point_masses, goal, rng):
    dynamics = point_masses([1.0])
    dynamics.b = dynamics.b.clone().requires_grad_()
    recorded = []

    def watched(states, actions):
        recorded.append(states.requires_grad or actions.requires_grad)
        return goal(states, actions)

    state = torch.ones(1, 2, requires_grad=True)
    previous = torch.zeros(1, 6, 1, requires_grad=True)
    plan = make_planner().plan(dynamics, state, watched, previous=previous, generator=rng)
    assert not any(recorded)
    assert not plan.actions.requires_grad
    assert not plan.expected_return.requires_grad
    assert torch.is_grad_enabled()


def test_the_shifted_previous_plan_competes_if_asked(make_planner, point_masses, rng):
    previous = torch.linspace(-0.9, 0.9, 12).reshape(2, 6, 1)
    shifted = torch.cat([previous[:, 1:], previous[:, -1:]], dim=1)

    def needle(states, actions):
        return -(actions - shifted[:, None]).abs().sum((-2, -1))

    dynamics, state = point_masses([1.0, 1.0]), torch.zeros(2, 2)
    planner = make_planner(keep_previous=True)
    plan = planner.plan(dynamics, state, needle, previous=previous, generator=rng)
    assert torch.equal(plan.actions, shifted)
    assert dynamics.seen_actions[0].shape[1] == planner.samples

    planner = make_planner(keep_previous=False)
    plan = planner.plan(dynamics, state, needle, previous=previous, generator=rng)
    assert not torch.equal(plan.actions, shifted)


def test_a_cold_start_knows_nothing_of_the_previous_plan(make_planner, point_masses):
    dynamics, state = point_masses([1.0, 1.0]), torch.zeros(2, 2)
    previous = torch.linspace(-0.9, 0.9, 12).reshape(2, 6, 1)

    def best(states, actions):  # to hold the last actions of the previous plan
        return -(actions - previous[:, None, -1:]).abs().sum((-2, -1))

    def actions(warm_start, previous):
        planner = make_planner(keep_previous=True, warm_start=warm_start)
        rng = torch.Generator().manual_seed(0)
        return planner.plan(dynamics, state, best, previous=previous, generator=rng).actions

    held = previous[:, -1:].expand(2, 6, 1)
    assert torch.equal(actions(True, held), held)
    assert torch.equal(actions(False, held), actions(False, None))
    assert not torch.equal(actions(False, held), held)


def test_a_plan_serves_as_previous_like_its_actions(make_planner, point_masses, goal):
    dynamics, state, planner = point_masses([1.0]), torch.ones(1, 2), make_planner()
    first = planner.plan(dynamics, state, goal, generator=torch.Generator().manual_seed(0))
    seconds = [
        planner.plan(
            dynamics, state, goal, previous=given, generator=torch.Generator().manual_seed(1)
        )
        for given in (dataclasses.replace(first, carried=None), first.actions)
    ]
    assert torch.equal(seconds[0].actions, seconds[1].actions)


def test_same_seed_same_plan_and_no_other_source_of_chance(make_planner, point_masses, goal):
    dynamics, state, planner = point_masses([1.0, 2.0]), torch.ones(2, 2), make_planner()

    def actions(seed: int) -> torch.Tensor:
        rng = torch.Generator().manual_seed(seed)
        return planner.plan(dynamics, state, goal, generator=rng).actions

    torch.manual_seed(0)
    first, untouched = actions(3), torch.get_rng_state()
    torch.manual_seed(1)
    assert torch.equal(first, actions(3))
    assert not torch.equal(first, actions(4))
    torch.manual_seed(0)
    assert torch.equal(untouched, torch.get_rng_state())


def test_what_the_user_hands_in_is_left_as_it_was(make_planner, point_masses, goal, rng):
    class Fixed:
        proposed = torch.full((1, 100, 6, 1), 5.0)

        def propose(self, dynamics, state, n, **space):
            return self.proposed

    Fixed.proposed[0, 3] = torch.nan
    before = Fixed.proposed.clone()
    state, previous = torch.ones(1, 2), torch.full((1, 6, 1), 3.0)
    make_planner(keep_previous=True).plan(
        point_masses([1.0]), state, goal, proposal=Fixed(), previous=previous, generator=rng
    )
    assert torch.equal(state, torch.ones(1, 2))
    assert torch.equal(previous, torch.full((1, 6, 1), 3.0))
    torch.testing.assert_close(Fixed.proposed, before, equal_nan=True, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_follows_the_state(make_planner, point_masses, goal, rng, dtype):
    dynamics = point_masses([1.0])
    dynamics.a, dynamics.b = dynamics.a.to(dtype), dynamics.b.to(dtype)
    plan = make_planner().plan(dynamics, torch.ones(1, 2, dtype=dtype), goal, generator=rng)
    assert {plan.actions.dtype, plan.expected_return.dtype} == {dtype}


def test_a_planner_is_an_immutable_value(make_planner, unchecked):
    planner = make_planner(low=[-1, -2], high=[1, 2])
    assert planner == make_planner(low=(-1.0, -2.0), high=(1.0, 2.0))
    assert hash(planner) == hash(make_planner(low=(-1.0, -2.0), high=(1.0, 2.0)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        planner.samples = 3


def test_bounds_come_as_arrays_too(make_planner, unchecked):
    assert make_planner(low=torch.tensor([-1.0, -0.5])).low == (-1.0, -0.5)
    assert make_planner(high=torch.tensor([1.0, 0.5]).numpy()).high == (1.0, 0.5)


@pytest.mark.parametrize(("threads", "during"), [(1, 1), (3, 3), (None, 2)])
def test_thread_count_is_set_and_given_back(make_planner, point_masses, goal, rng, threads, during):
    counts = []

    def counting(states, actions):
        counts.append(torch.get_num_threads())
        return goal(states, actions)

    def failing(states, actions):
        raise KeyboardInterrupt

    planner, found = make_planner(threads=threads), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        planner.plan(point_masses([1.0]), torch.ones(1, 2), counting, generator=rng)
        assert torch.get_num_threads() == 2
        with pytest.raises(KeyboardInterrupt):
            planner.plan(point_masses([1.0]), torch.ones(1, 2), failing, generator=rng)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(found)
    assert set(counts) == {during}


def test_a_deadline_missed_by_the_first_round_is_reported(
    make_planner, point_masses, goal, rng, monkeypatch
):
    clock = iter(range(1000))
    monkeypatch.setattr("hyperdyn.planners._clock._now", lambda state: float(next(clock)))
    dynamics, state = point_masses([1.0, 1.0]), torch.ones(2, 2)
    plan = make_planner().plan(dynamics, state, goal, deadline=0.5, generator=rng)
    assert plan.status == (PlanStatus.DEADLINE,) * 2
    assert plan.iterations == 1
    assert plan.elapsed >= 1.0
    assert plan.expected_return.isfinite().all()

    plan = make_planner().plan(dynamics, state, goal, deadline=100.0, generator=rng)
    assert plan.status == (OK,) * 2


def test_a_slow_round_makes_the_next_plans_careful_for_a_while(make_planner, goal, monkeypatch):
    now, pace = [0.0], [1.0]
    monkeypatch.setattr("hyperdyn.planners._clock._now", lambda state: now[0])

    class Slow:
        state_dim, action_dim, num_systems = 2, 1, 1

        def rollout(self, states, actions):
            now[0] += pace[0]
            return states[:, None, None].expand(-1, actions.shape[1], actions.shape[2] + 1, -1)

    planner, state, plan, rounds = make_planner(), torch.ones(1, 2), None, []
    for pace[0] in (1.0, 9.0, *[1.0] * 30):
        plan = planner.plan(
            Slow(), state, goal, previous=plan, deadline=4.0, generator=torch.Generator()
        )
        rounds.append(plan.iterations)
    assert rounds[0] == rounds[-1] == planner.iterations
    if planner.iterations > 1:
        assert set(rounds[1:10]) == {1}, "a round may take nine seconds"
