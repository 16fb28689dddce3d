"""The compiled parts of the planners do what the torch code beside them does."""

import math

import pytest
import torch

from hyperdyn.planners import CEM, ICEM, MPPI, _candidates, _native, _philox, elites, mppi, sampling
from hyperdyn.planners._candidates import Leaders, admit
from hyperdyn.planners._scores import Scores
from hyperdyn.planners.box import ActionBox


@pytest.fixture
def both(monkeypatch):
    """Run a function as it is, and with torch alone."""

    def run(function):
        fast = function()
        with monkeypatch.context() as patch:
            for module in (_candidates, elites, mppi):
                patch.setattr(module, "compiled", lambda *tensors: None)
            slow = function()
        return fast, slow

    return run


def candidates(seed: int, draw: int = 0):
    rng = torch.Generator().manual_seed(seed + 100 * draw)
    E, N, H, A = 1 + seed % 3, 12 + seed, 1 + seed % 4, 1 + seed % 5
    actions = 2 * torch.randn(E, N, H, A, generator=rng)
    returns = 10 * torch.randn(E, N, generator=rng)
    returns[:, :: 2 + seed % 3] = -math.inf
    if seed % 4 == 3:
        returns[0] = -math.inf
    violations = torch.randn(E, N, generator=rng).clamp(min=0)
    if seed % 2:
        violations += 0.1
    violations[returns.isneginf()] = math.inf
    return actions, returns, violations


every_case = pytest.mark.parametrize("seed", range(12))


def test_compiled_code_is_used_where_it_serves():
    plain = torch.zeros(2, 3)
    assert _native.compiled(plain) is not None
    assert _native.compiled(plain.double()) is None
    assert _native.compiled(plain.T) is None


@every_case
def test_admission(seed: int, both):
    actions, _, _ = candidates(seed)
    actions[0, 3, 0, 0] = math.nan
    actions[-1, 5, -1, -1] = (math.inf, -math.inf)[seed % 2]
    E, _, H, A = actions.shape
    box = ActionBox(E, H, -torch.rand(A), torch.rand(A))

    def run():
        copy = actions.clone()
        return admit(copy, box), copy, admit(copy, box)

    for fast, slow in zip(*both(run), strict=True):
        assert (fast is None) == (slow is None)
        assert fast is None or torch.equal(fast, slow)


@every_case
@pytest.mark.parametrize("constrained", [False, True])
def test_leaders(seed: int, constrained: bool, both):
    def run():
        E, _, H, A = candidates(seed)[0].shape
        leaders = Leaders(ActionBox(E, H, -torch.ones(A), torch.ones(A)))
        for draw in range(3):
            actions, returns, violations = candidates(seed, draw)
            leaders.compete(actions, Scores(returns, violations if constrained else None))
        leaders.stand_in(torch.zeros(E, H, A))
        return leaders.actions, leaders.returns, leaders.violations, leaders.unranked

    for fast, slow in zip(*both(run), strict=True):
        assert torch.equal(fast, slow)


@every_case
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_fit_of_elites(seed: int, smoothing: float, both):
    actions, returns, _ = candidates(seed)
    E, _, H, A = actions.shape
    planner = CEM(horizon=H, samples=12, elites=min(8, 2 + seed), smoothing=smoothing)
    mean, std = torch.zeros(E, H, A), torch.ones(E, H, A)
    box = ActionBox(E, H, torch.full((A,), -3.0), torch.full((A,), 3.0))
    gaussian = elites.ActionGaussian(mean, std, torch.full((E, H, A), 0.7), box)

    def run():
        fitted = planner.update(gaussian, actions, returns)
        return fitted.mean, fitted.std

    for fast, slow in zip(*both(run), strict=True):
        torch.testing.assert_close(fast, slow)


@every_case
def test_the_elites_that_icem_keeps(seed: int, both):
    actions, returns, _ = candidates(seed)
    E, N, H, A = actions.shape
    planner = ICEM(horizon=H, samples=N, elites=N // 2, kept_share=0.8)
    box = ActionBox(E, H, -torch.ones(A), torch.ones(A))
    start = planner.initial(box, torch.zeros(E, H, A))
    fast, slow = both(lambda: planner.update(start, actions, returns).kept)
    torch.testing.assert_close(fast, slow)


@every_case
@pytest.mark.parametrize("window", [1, 3])
def test_the_mean_of_mppi(seed: int, window: int, both):
    actions, returns, _ = candidates(seed)
    E, N, H, A = actions.shape
    planner = MPPI(horizon=H, samples=N, temperature=2.0, window=window)
    box = ActionBox(E, H, -torch.ones(A), torch.ones(A))
    start = planner.initial(box, torch.full((E, H, A), 0.3))
    fast, slow = both(lambda: planner.update(start, actions, returns).mean)
    torch.testing.assert_close(fast, slow)


@pytest.mark.parametrize(("n", "action_dim"), [(1, 1), (7, 3), (300, 3), (5, 300)])
def test_coloured_noise_from_the_same_white_noise(n: int, action_dim: int, rng, monkeypatch):
    mean, std = torch.randn(2, 9, action_dim), torch.rand(2, 9, action_dim)
    within = (torch.full((9, action_dim), -0.5), torch.full((9, action_dim), 0.7))
    settings = {"exponent": 1.0, "within": within}
    fast = sampling.coloured(mean, std, n, generator=rng.manual_seed(1), **settings)

    def same(shape, like, generator):
        white = torch.empty(shape)
        key = sampling.draw_key(generator)
        _philox.standard(key, white.data_ptr(), white.numel())
        return white

    monkeypatch.setattr(sampling, "_standard", same)
    monkeypatch.setattr(sampling, "philox", lambda *given: None)
    slow = sampling.coloured(mean, std, n, generator=rng.manual_seed(1), **settings)
    torch.testing.assert_close(fast, slow)
    assert (fast >= -0.5).all()
    assert (fast <= 0.7).all()


@every_case
@pytest.mark.parametrize("planner", [MPPI(temperature=3.0), MPPI(), MPPI(effective_share=0.5)])
def test_the_weights_of_mppi(seed: int, planner: MPPI, both):
    _, returns, _ = candidates(seed)
    fast, slow = both(lambda: planner.weights(returns))
    torch.testing.assert_close(fast, slow, rtol=2e-3, atol=1e-6)
