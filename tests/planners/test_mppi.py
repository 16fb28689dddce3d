"""MPPI: its weights, its temperature, its mean."""

import math

import pytest
import torch

from hyperdyn.planners import MPC, MPPI, ActionBox, PlanStatus
from hyperdyn.planners.mppi import Perturbed

STATE = torch.tensor([[0.4, 0.1], [-0.5, 0.3]])
NEVER = -math.inf


def test_weights_are_the_exponentials_of_the_returns():
    weights = MPPI(temperature=2.0).weights(torch.tensor([[-1.0, -3.0, -7.0], [0.0, 4.0, 4.0]]))
    for row, lags in zip(weights, ([0, 2, 6], [4, 0, 0]), strict=True):
        raw = [math.exp(-lag / 2.0) for lag in lags]
        assert row.tolist() == pytest.approx([one / sum(raw) for one in raw])


@pytest.mark.parametrize("temperature", [None, 1e-50, 1e-3, 1.0, 1e30])
def test_no_scale_of_returns_overflows(temperature):
    planner = MPPI(temperature=temperature)
    for returns in (
        [1e6, 1e6 - 1.0, 1e6 - 2.0],
        [-1e6, -1e6 - 1.0, NEVER],
        [3e38, -3e38, 0.0],
        [1e38, -1e38, NEVER],
        [1e-44, 0.0, 2e-44],
        [7.0, 7.0, 7.0],
    ):
        weights = planner.weights(torch.tensor([returns]))
        assert weights.sum().item() == pytest.approx(1.0)
        assert weights.argmax() == 0 or returns[weights.argmax()] == max(returns)
        assert (weights >= 0).all()


def test_an_offset_of_all_returns_changes_nothing(rng):
    returns = torch.randn(2, 50, generator=rng, dtype=torch.float64)
    for planner in (MPPI(temperature=0.5), MPPI()):
        torch.testing.assert_close(planner.weights(returns + 1e6), planner.weights(returns))


def test_what_cannot_be_ranked_weighs_nothing():
    for planner in (MPPI(temperature=1.0), MPPI(effective_share=1.0)):
        weights = planner.weights(torch.tensor([[NEVER, -1.0, -1.0], [NEVER] * 3]))
        assert weights[0].tolist() == pytest.approx([0.0, 0.5, 0.5])
        assert not weights[1].any()


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_temperature_adapts_to_the_effective_share(rng, share, scale):
    returns = scale * torch.randn(3, 500, generator=rng, dtype=torch.float64)
    returns[1, :100] = NEVER
    returns[2] *= 1000.0
    weights = MPPI(effective_share=share).weights(returns)
    effective = 1.0 / weights.square().sum(dim=1)
    wanted = share * torch.tensor([500.0, 400.0, 500.0], dtype=torch.float64)
    torch.testing.assert_close(effective, wanted, rtol=1e-3, atol=0.0)


def step(actions, returns, *, mean=0.0, **options):
    """One update for one system and one dimension; actions are [N, H]."""
    actions = torch.tensor(actions)[None, :, :, None]
    start = torch.full((1, actions.shape[2], 1), mean)
    planner = MPPI(horizon=actions.shape[2], **{"temperature": 1.0, **options})
    box = ActionBox(1, actions.shape[2], torch.tensor([-9.0]), torch.tensor([9.0]))
    updated = planner.update(Perturbed(start, start, box), actions, torch.tensor([returns]))
    return updated.mean[0, :, 0].tolist()


def test_the_mean_is_weighted():
    weight = 1 / (1 + math.exp(-2.0))
    assert step([[0.8], [-0.4]], [3.0, 1.0]) == pytest.approx([0.8 * weight - 0.4 * (1 - weight)])
    assert step([[0.8], [-0.4]], [NEVER, 1.0]) == pytest.approx([-0.4])
    assert step([[0.8], [-0.4]], [NEVER, NEVER], mean=0.3) == pytest.approx([0.3])


def test_a_window_averages_over_time():
    plan = [0.0, 0.9, 0.0, 0.3]
    assert step([plan], [1.0], window=3) == pytest.approx([0.45, 0.3, 0.4, 0.15])
    assert step([plan], [1.0], window=9) == pytest.approx([0.3] * 4)
    assert step([plan], [1.0]) == pytest.approx(plan)


def test_the_weighted_mean_is_ranked_like_any_candidate(point_masses, rng):
    """The mean of noise about the best plan is closer to it than any of the noise."""
    dynamics = point_masses([1.0, 1.0])
    planner = MPPI(horizon=6, samples=200, std=0.3, keep_previous=False, effective_share=0.8)

    def nearness(states, actions):
        return -(actions - 0.2).square().sum((-2, -1))

    previous = torch.full((2, 6, 1), 0.2)
    plan = planner.plan(dynamics, STATE, nearness, previous=previous, generator=rng)
    candidates, answer = dynamics.seen_actions
    assert answer.shape[1] == 1
    assert torch.equal(plan.actions, answer[:, 0])
    assert (plan.expected_return > nearness(None, candidates).amax(dim=1)).all()
    assert torch.equal(plan.expected_return, nearness(None, answer)[:, 0])
    assert plan.iterations == 1


def test_a_mean_that_is_worse_than_a_candidate_loses(point_masses, rng):
    """Either side of a ridge is good; their mean is not."""
    dynamics = point_masses([1.0])
    planner = MPPI(horizon=3, samples=200, std=0.5, effective_share=0.9)
    plan = planner.plan(
        dynamics, STATE[:1], lambda states, actions: actions.abs().sum((-2, -1)), generator=rng
    )
    candidates, answer = dynamics.seen_actions
    assert plan.expected_return.item() == pytest.approx(candidates.abs().sum((-2, -1)).amax())
    assert answer.abs().sum() < 0.5 * plan.expected_return.item()


def test_noise_is_respected_in_each_dimension(point_masses, goal, rng):
    dynamics = point_masses([1.0], axes=2)
    planner = MPPI(horizon=5, samples=4000, std=(0.05, 0.2), low=-8.0, high=(8.0, 16.0))
    planner.plan(dynamics, torch.zeros(1, 4), goal, generator=rng)
    wanted = torch.tensor([0.05 * 8.0, 0.2 * 12.0]).expand(5, 2)
    torch.testing.assert_close(dynamics.seen_actions[0][0].std(0), wanted, rtol=0.06, atol=0.0)


def test_more_noise_reaches_further(point_masses, rng):
    def reach(std):
        planner = MPPI(horizon=5, samples=200, std=std)
        return planner.plan(
            point_masses([1.0]), STATE[:1], lambda s, a: a.sum((-2, -1)), generator=rng
        ).expected_return.item()

    assert reach(0.01) < 0.3 < 1.0 < reach(0.5)


def test_rounds_draw_about_the_last_mean(rng):
    box = ActionBox(1, 2, torch.tensor([-1.0]), torch.tensor([1.0]))
    planner = MPPI(horizon=2, samples=2000, std=0.1)
    start = planner.initial(box, torch.full((1, 2, 1), -0.5))
    drawn = planner.sample(start, 2000, rng)
    assert drawn.mean().item() == pytest.approx(-0.5, abs=0.01)
    moved = planner.update(start, drawn, drawn[:, :, 0, 0])
    again = planner.sample(moved, 2000, rng)[0, :, 0].mean()
    assert again.item() == pytest.approx(moved.mean[0, 0].item(), abs=0.01)
    assert again > -0.4


def test_one_nan_candidate_does_not_haunt_the_controller(point_masses, goal, rng):
    def one_bad(states, actions):
        states = states.clone()
        states[:, 0] = math.nan
        return states

    controller = MPC(MPPI(horizon=6, samples=100), goal, generator=rng)
    for spoil in (None, one_bad, one_bad, None):
        action = controller.act(point_masses([1.0], spoil=spoil), STATE[:1])
        assert action.isfinite().all()
        assert controller.last_plan.status == (PlanStatus.OK,)
    assert controller.last_plan.nonfinite_fraction.tolist() == [0.0]
