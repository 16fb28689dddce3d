"""Every planner solves something: swing-up, a way through a gap, a run; at equal evaluations."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from hyperdyn.benchmarks.control import PLANNERS, Episodes, make_planner, play
from hyperdyn.benchmarks.control_problems import CHEETAH, PENDULUM, POINT_MASS, PROBLEMS
from hyperdyn.envs.control import PointMassGap
from hyperdyn.planners.budget import candidates

BUDGET = 200
every_planner = pytest.mark.parametrize("name", PLANNERS)


@pytest.fixture
def solve() -> Callable[..., Episodes]:
    """Plays episodes in lockstep, from the same starts always; without a plan if name is None."""

    def run(problem, name, *, systems=3, budget=BUDGET):
        rng = torch.Generator().manual_seed(0)
        planner = None if name is None else make_planner(name, problem, budget)
        start = problem.start(systems, rng)
        return play(problem, problem.make(systems, 1), start, planner, rng)

    return run


@every_planner
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_planners_are_compared_at_equal_evaluations(problem, name):
    for budget in (100, BUDGET, 1000):
        spent = candidates(make_planner(name, problem, budget))
        assert 0.95 * budget <= spent <= budget


@every_planner
def test_evaluations_are_what_a_plan_rolls_out(name, rng):
    counted = []

    class Counting(PointMassGap):
        def rollout(self, states, actions):
            counted.append(actions.shape[1])
            return super().rollout(states, actions)

    planner = make_planner(name, POINT_MASS, BUDGET)
    world = Counting()
    planner.plan(world, world.resting(), POINT_MASS.objective, generator=rng)
    assert sum(counted) == candidates(planner)


@every_planner
def test_the_pendulum_is_swung_up_and_kept_upright(solve, name):
    # Solved is to stay up for the last 50 steps. Measured: up after 60 steps, random shooting 113.
    problem = PENDULUM if name == "random-shooting" else replace(PENDULUM, steps=125)
    done = solve(problem, name)
    assert done.solved.all()
    # Measured over 18 starts: -370 or better, random shooting -930; hanging costs 1,900.
    least = -1200.0 if name == "random-shooting" else -450.0
    assert (done.totals > least).all()
    assert (done.actions.abs() <= PENDULUM.bound).all()


@every_planner
def test_the_point_mass_reaches_the_goal_through_the_gap_and_touches_nothing(solve, name):
    done = solve(POINT_MASS, name, systems=4)
    assert done.solved.all()
    crossing = (done.states[:, :-1, 0] < 0) & (done.states[:, 1:, 0] >= 0)
    heights = done.states[:, :-1, 1][crossing]
    assert len(heights) >= 4
    assert ((heights > 0.1) & (heights < 0.4)).all()


@every_planner
def test_the_cheetah_runs(solve, name):
    few = replace(CHEETAH, steps=12, horizon=10)
    done = solve(few, name, systems=2, budget=50)
    # Measured over 12 starts: 7 or better, random shooting 2.8; without a plan -0.6 to 0.6.
    least = 1.5 if name == "random-shooting" else 4.0
    assert (done.totals > solve(few, None, systems=2).totals + least).all()


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_without_a_plan_nothing_is_solved(solve, problem):
    assert not solve(problem, None).solved.any()


def test_a_touched_box_is_not_solved_however_short_the_touch():
    goal, start = torch.tensor(PointMassGap.goal), torch.tensor(PointMassGap.start)
    above = torch.tensor([0.0, 0.25])
    honest = torch.cat((torch.linspace(0, 1, 9)[:, None] * (above - start) + start, goal[None]))
    leap = torch.stack((start, goal))  # over a box between one state and the next
    for places, wanted in ((honest, True), (leap, False)):
        path = torch.cat((places, goal.repeat(10, 1)))
        states = torch.cat((path, torch.zeros_like(path)), 1)[None]
        assert POINT_MASS.solved(states).tolist() == [wanted]


@pytest.mark.slow
@every_planner
def test_the_cheetah_runs_metres_in_seconds(solve, name):
    assert solve(CHEETAH, name, systems=2).solved.all()
