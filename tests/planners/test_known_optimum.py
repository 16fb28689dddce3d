"""Planners that learn: how close they come to the best there is, and what learning brings."""

import pytest
import torch

from hyperdyn.planners import CEM, ICEM, MPPI, RandomShooting

STATE = torch.tensor([[0.4, 0.1], [-0.5, 0.3]])


@pytest.mark.parametrize("axes", [1, 3])
@pytest.mark.parametrize(
    ("kind", "settings", "close"),
    [
        (CEM, {"samples": 400, "iterations": 20, "elites": 20}, 1.01),
        (ICEM, {"samples": 500, "iterations": 20, "elites": 20, "shrinking": 1.05}, 1.01),
        (MPPI, {"samples": 500, "iterations": 25, "std": 0.1, "effective_share": 0.02}, 1.02),
    ],
)
def test_comes_close_to_the_known_optimum(
    kind, settings, close, axes, point_masses, goal, best_return, rng
):
    dynamics = point_masses([1.0, -2.0], axes=axes)
    state = STATE.repeat_interleave(axes, dim=1)
    planner = kind(horizon=8, low=-2.0, high=2.0, **settings)
    plan = planner.plan(dynamics, state, goal, generator=rng)
    best = best_return(dynamics, state, 8)
    assert (plan.expected_return <= best + 1e-5).all()
    assert (plan.expected_return > close * best).all()  # returns are negative: within 1 or 2 %
    assert plan.iterations == settings["iterations"]


@pytest.mark.parametrize(
    ("planner", "evaluations"),
    [
        (CEM(samples=100, elites=10, iterations=5), 500),
        (ICEM(samples=100, elites=10, iterations=5), 500),  # it has fewer: its rounds shrink
        (MPPI(samples=100, iterations=5), 501),
    ],
)
def test_beats_random_shooting_at_equal_evaluations(planner, evaluations, point_masses, goal):
    dynamics = point_masses([1.0, -2.0], axes=2)
    state, scores = STATE.repeat_interleave(2, dim=1), []
    for each in (planner, RandomShooting(samples=evaluations)):
        rng = torch.Generator().manual_seed(0)
        scores.append(each.plan(dynamics, state, goal, generator=rng).expected_return)
    assert (scores[0] > scores[1]).all()
