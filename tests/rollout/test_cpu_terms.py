"""The objective inside the CPU kernel: what its tables say, for trajectories nobody sees."""

import pytest
import torch

from hyperdyn.networks import MLPSpec, default_parameters
from hyperdyn.planners import ControlCost, ForwardVelocity, StateBox
from hyperdyn.rollout import cpu_kernel, cpu_shapes, reference
from hyperdyn.states import Field, StateSpace
from hyperdyn.terms import TermTable
from tests.planners.term_oracle import evaluate
from tests.planners.test_terms import OBJECTIVES, WIDTH

SHAPES = {"plain": cpu_shapes.PLAIN, "wide": cpu_shapes.WIDE}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
# Half of the columns are context, so that the rows of a tile are not in the order of the columns.
SPACE = StateSpace(tuple(Field(name=f"f{i}", context=i % 2 == 1) for i in range(WIDTH)))


def case(seed: int, samples: int = 37, horizon: int = 6):
    rng = torch.Generator().manual_seed(seed)
    action_dim, systems = 1 + seed % 4, 1 + seed % 3
    spec = MLPSpec(sizes=(SPACE.num_inputs + action_dim, 12, WIDTH), activation="tanh")
    parameters = torch.stack([default_parameters(spec, rng) for _ in range(systems)])
    states = torch.randn(systems, WIDTH, generator=rng)
    actions = torch.randn(systems, samples, horizon, action_dim, generator=rng)
    return spec, SPACE, parameters, states, actions


def returns_of(spec, space, parameters, states, actions, table, shape=None):
    return cpu_kernel.Scorer(spec, space, parameters, states, table, shape)(actions)


def in_double(arguments, table):
    spec, space, *tensors = arguments
    states = reference.rollout(spec, space, *(tensor.double() for tensor in tensors))
    returns, violations = evaluate(table, states.numpy(), arguments[-1].numpy())
    return torch.from_numpy(returns), torch.from_numpy(violations)


@every_shape
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", OBJECTIVES)
def test_equals_the_formulas_in_float64(name: str, seed: int, shape):
    arguments = case(seed)
    table = OBJECTIVES[name].table(WIDTH)
    returns, violations = returns_of(*arguments, table, shape=shape)
    expected, excess = in_double(arguments, table)
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(returns.double(), expected, rtol=1e-4, atol=2e-5 * scale)
    assert (violations is None) == (not table.hard)
    if violations is not None:
        torch.testing.assert_close(violations.double(), excess, rtol=1e-4, atol=1e-4)
        assert torch.equal(violations == 0, excess == 0)


@every_shape
@pytest.mark.parametrize("samples", [1, 7, 8, 9, 16, 17, 24, 33, 47, 49])
def test_every_tail_of_a_tile_is_right(samples: int, shape):
    arguments = case(1, samples=samples)
    table = OBJECTIVES["sum"].table(WIDTH)
    returns, _ = returns_of(*arguments, table, shape=shape)
    expected, _ = in_double(arguments, table)
    scale = float(expected.abs().max())
    torch.testing.assert_close(returns.double(), expected, rtol=1e-4, atol=2e-5 * scale)


@every_shape
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf, 3e38])
def test_what_is_not_finite_ranks_last_and_stays_in_its_candidate(value: float, shape):
    arguments = case(2)
    # Only columns and limits that a NaN would slip past if nothing but the terms were looked at.
    objective = ControlCost().subject_to(StateBox((1,), low=-1e9, high=1e9))
    table = objective.table(WIDTH)
    clean, _ = returns_of(*arguments, table, shape=shape)
    spoilt = arguments[-1].clone()
    spoilt[0, ::5, 2, 1] = value
    returns, violations = returns_of(*arguments[:-1], spoilt, table, shape=shape)
    marked = torch.zeros_like(returns, dtype=torch.bool)
    marked[0, ::5] = True
    assert torch.equal(returns.isneginf(), marked)
    assert torch.equal(violations.isposinf(), marked)
    assert torch.equal(returns[~marked], clean[~marked])


def test_one_system_that_diverges_leaves_the_others(rng):
    arguments = case(2)
    arguments[2][1] = torch.nan
    table = ForwardVelocity(index=0, dt=0.1).table(WIDTH)
    returns, _ = returns_of(*arguments, table)
    assert returns[1].isneginf().all()
    assert returns[[0, 2]].isfinite().all()


def test_threads_change_no_bit(monkeypatch):
    arguments = case(2, samples=200)
    monkeypatch.setattr(cpu_kernel, "WORTH_A_THREAD", 0)
    table, results, found = OBJECTIVES["constrained"].table(WIDTH), [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append(returns_of(*arguments, table))
    finally:
        torch.set_num_threads(found)
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("systems", "samples", "horizon"), [(0, 5, 3), (2, 0, 3), (2, 5, 0)])
def test_nothing_to_roll_out(systems: int, samples: int, horizon: int):
    spec, space, parameters, states, _ = case(1)
    actions = torch.zeros(systems, samples, horizon, 2)
    arguments = (spec, space, parameters[:systems], states[:systems], actions)
    returns, violations = returns_of(*arguments, TermTable.of(()))
    assert returns.shape == (systems, samples)
    assert violations is None
    assert not returns.any()
