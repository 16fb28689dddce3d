"""Rounds in one compiled call give what rounds one by one give, to the bit."""

import pytest
import torch

from hyperdyn.dynamics import GeneratedDynamics
from hyperdyn.networks import MLPSpec, default_parameters
from hyperdyn.planners import (
    CEM,
    ICEM,
    MPPI,
    ControlCost,
    ForwardVelocity,
    Mixture,
    Planner,
    Share,
    Uniform,
    cem,
)
from hyperdyn.states import Field, StateSpace

OBJECTIVE = ForwardVelocity(index=0, dt=0.1) + ControlCost(weight=0.1)
PLANNERS = [
    CEM(horizon=7, samples=60, elites=6, iterations=4),
    CEM(horizon=7, samples=60, elites=60, iterations=2, smoothing=0.5),
    MPPI(horizon=7, samples=60, iterations=4),
    MPPI(horizon=7, samples=60, iterations=3, temperature=0.1),
    MPPI(horizon=7, samples=60, iterations=3, window=3),
    ICEM(horizon=7, samples=60, elites=6, iterations=4),
    ICEM(horizon=7, samples=61, elites=10, iterations=5, shrinking=1.0, kept_share=1.0),
    ICEM(horizon=7, samples=60, elites=6, iterations=2, kept_share=0.0),
]
every_planner = pytest.mark.parametrize("planner", PLANNERS)


def model(systems: int) -> GeneratedDynamics:
    rng = torch.Generator().manual_seed(0)
    spec = MLPSpec(sizes=(7, 16, 4), activation="tanh")
    rows = torch.stack([default_parameters(spec, rng) for _ in range(systems)])
    return GeneratedDynamics(spec, StateSpace((Field(name="s", size=4),)), rows)


def plans(planner: Planner, dynamics: GeneratedDynamics, **options):
    rng = torch.Generator().manual_seed(3)
    state = torch.linspace(-1, 1, 4).repeat(dynamics.num_systems, 1)
    first = planner.plan(dynamics, state, OBJECTIVE, generator=rng, **options)
    return first, planner.plan(dynamics, state, OBJECTIVE, generator=rng, previous=first)


def assert_equal(one, other):
    for field in ("actions", "expected_return", "nonfinite_fraction", "violation"):
        assert torch.equal(getattr(one, field), getattr(other, field)), field
    assert (one.carried is None) == (other.carried is None)
    assert one.carried is None or torch.equal(one.carried, other.carried)
    assert (one.status, one.iterations) == (other.status, other.iterations)


@every_planner
@pytest.mark.parametrize("systems", [1, 3])
@pytest.mark.parametrize("proposal", [None, Uniform(), Mixture((Share("u", Uniform(), 0.3),))])
def test_in_one_call_or_one_by_one(planner, systems, proposal, monkeypatch):
    hurried = plans(planner, model(systems), proposal=proposal)
    monkeypatch.setattr(type(planner), "hurry", Planner.hurry)
    for fast, slow in zip(hurried, plans(planner, model(systems), proposal=proposal), strict=True):
        assert_equal(fast, slow)


@every_planner
def test_a_system_that_diverges_stays_apart(planner, monkeypatch):
    dynamics = model(3)
    dynamics.parameters[1] = torch.nan
    hurried = plans(planner, dynamics)
    monkeypatch.setattr(type(planner), "hurry", Planner.hurry)
    for fast, slow in zip(hurried, plans(planner, dynamics), strict=True):
        assert_equal(fast, slow)
        assert fast.nonfinite_fraction.tolist() == [0.0, 1.0, 0.0]


def test_it_happens_where_it_may_and_only_there(monkeypatch):
    calls = []
    own = cem.CEM.hurry
    monkeypatch.setattr(cem.CEM, "hurry", lambda *a: calls.append(1) or own(*a))
    planner, state = CEM(horizon=5, samples=20, elites=4), torch.zeros(1, 4)

    def count(dynamics, objective=OBJECTIVE, state=state, **options) -> int:
        calls.clear()
        planner.plan(dynamics, state, objective, generator=torch.Generator(), **options)
        return len(calls)

    assert count(model(1)) == 1
    assert count(model(1), deadline=100.0) == 0
    assert count(model(1), objective=lambda s, a: OBJECTIVE(s, a)) == 0
    assert count(model(1).to(torch.float64), state=state.double()) == 0
    assert count(model(1), state=torch.full((1, 4), torch.nan)) == 0
    everywhere = Mixture((Share("u", Uniform(), 0.3),), rounds=None)
    assert count(model(1), proposal=everywhere) == 0
