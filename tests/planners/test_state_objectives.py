"""Objectives over states: the numbers they return, and what they refuse."""

import math

import pytest
import torch
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners import CEM, ControlCost, GoalPosition, StateBox, Terminal


@pytest.fixture
def trajectories(rng):
    """States [E, N, H+1, S] and actions [E, N, H, A]."""
    states = torch.randn(2, 5, 9, 4, generator=rng, dtype=torch.float64)
    return states, torch.randn(2, 5, 8, 3, generator=rng, dtype=torch.float64)


def test_goal_position_is_a_weighted_squared_distance(trajectories):
    states, actions = trajectories
    wanted = torch.zeros(2, 5, dtype=torch.float64)
    for step in range(1, 9):  # the given state is nobody's doing
        wanted -= 2.0 * (states[:, :, step, 1] - 0.5) ** 2
        wanted -= 0.25 * (states[:, :, step, 3] + 1.5) ** 2
    for columns in ((1, 3), (1, -1)):
        goal = GoalPosition(columns, target=(0.5, -1.5), weights=(2.0, 0.25))
        torch.testing.assert_close(goal(states, actions), wanted)
    moved = states.clone()
    moved[:, :, 0] += 9.0
    assert torch.equal(goal(moved, actions), goal(states, actions))


def test_one_target_for_all_columns(trajectories):
    one = GoalPosition((0, 2), target=0.5, weights=3.0)(*trajectories)
    each = GoalPosition((0, 2), target=(0.5, 0.5), weights=(3.0, 3.0))(*trajectories)
    torch.testing.assert_close(one, each)
    torch.testing.assert_close(one, 3.0 * GoalPosition((0, 2), target=0.5)(*trajectories))


def test_a_state_box_costs_outside_only(trajectories):
    states, actions = trajectories
    wanted = torch.zeros(2, 5, dtype=torch.float64)
    for column, low, high in ((0, -0.5, 1.0), (2, -math.inf, 0.25)):
        for step in range(1, 9):
            s = states[:, :, step, column]
            wanted -= 4.0 * ((low - s).clamp(min=0) ** 2 + (s - high).clamp(min=0) ** 2)
    box = StateBox((0, 2), low=(-0.5, -math.inf), high=(1.0, 0.25), weight=4.0)
    torch.testing.assert_close(box(states, actions), wanted)
    assert (StateBox((0, 1, 2, 3), low=-9.0, high=9.0)(states, actions) == 0).all()
    assert (StateBox((0,))(states, actions) == 0).all()


def test_a_state_box_as_a_constraint_sums_the_distance_outside(trajectories):
    states, actions = trajectories
    wanted = torch.zeros(2, 5, dtype=torch.float64)
    for column, low, high in ((0, -0.5, 1.0), (2, -math.inf, 0.25)):
        for step in range(1, 9):  # the given state is nobody's doing
            s = states[:, :, step, column]
            wanted += (low - s).clamp(min=0) + (s - high).clamp(min=0)
    for weight in (0.0, 4.0):
        box = StateBox((0, -2), low=(-0.5, -math.inf), high=(1.0, 0.25), weight=weight)
        torch.testing.assert_close(box.violation(states, actions), wanted)
    assert (StateBox((0, 1), low=-9.0, high=9.0).violation(states, actions) == 0).all()


def test_one_side_of_a_box_may_be_open(trajectories):
    low, high = StateBox((1,), low=0.0)(*trajectories), StateBox((1,), high=0.0)(*trajectories)
    squared = trajectories[0][:, :, 1:, 1].square().sum(-1)
    torch.testing.assert_close(low + high, -squared)


def test_a_terminal_value_reads_the_last_state(trajectories):
    seen: list[Tensor] = []

    def value(states):
        seen.append(states)
        return 2.0 * states[..., 0]

    states, actions = trajectories
    torch.testing.assert_close(Terminal(value)(states, actions), 2.0 * states[:, :, -1, 0])
    assert torch.equal(seen[0], states[:, :, -1])
    total = (3.0 * Terminal(value) + ControlCost())(states, actions)
    torch.testing.assert_close(total, 6.0 * states[:, :, -1, 0] + ControlCost()(states, actions))


def test_a_planner_obeys_them(point_masses, rng):
    """The goal lies beyond the box's wall: the mass stops at the wall."""
    dynamics, state = point_masses([1.0]), torch.zeros(1, 2)
    planner = CEM(horizon=12, samples=300, elites=30, iterations=8)

    def farthest(objective):
        plan = planner.plan(dynamics, state, objective, generator=rng)
        return dynamics.rollout(state, plan.actions[:, None])[0, 0, :, 0].amax().item()

    goal = GoalPosition((0,), target=2.0)
    assert farthest(goal) > 1.0
    assert farthest(goal + StateBox((0,), high=0.5, weight=1000.0)) < 0.6


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: GoalPosition((), target=0.0), r"columns must be one or more whole numbers"),
        (lambda: GoalPosition(1, target=0.0), r"columns must be one or more whole numbers"),
        (lambda: GoalPosition((0.5,), target=0.0), r"such as \(0, 1\); got \(0.5,\)"),
        (lambda: GoalPosition((0, 1), target=(1.0,)), "target has 1 numbers for 2 columns"),
        (lambda: GoalPosition((0,), target=math.nan), "target must be finite"),
        (lambda: GoalPosition((0,), target=0.0, weights=-1.0), "weights must not be negative"),
        (lambda: StateBox((0, 3), low=(0.0, 2.0), high=1.0), "column 3 low is 2 and high is 1"),
        (lambda: StateBox((0,), low=math.nan), "low must be finite"),
        (lambda: StateBox((0, 1), high=(1.0, 2.0, 3.0)), "high has 3 numbers for 2 columns"),
        (lambda: StateBox((0,), weight=-1.0), "weight must be finite, at least 0"),
    ],
)
def test_settings_that_cannot_be(make, text):
    with pytest.raises(InputError, match=text):
        make()


@pytest.mark.parametrize("make", [lambda c: GoalPosition(c, target=0.0), StateBox])
@pytest.mark.parametrize("column", [4, -5])
def test_a_column_that_is_not_there(trajectories, make, column):
    with pytest.raises(InputError, match=f"state column {column}, but states have 4 columns"):
        make((0, column))(*trajectories)


def test_a_value_of_another_shape(trajectories):
    with pytest.raises(InputError, match=r"terminal value returned .* \(2, 5, 1\).*\(2, 5\)"):
        Terminal(lambda states: states[..., :1])(*trajectories)
