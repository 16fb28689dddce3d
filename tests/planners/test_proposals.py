"""Proposals: what they draw, within which bounds."""

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners import Gaussian, Proposal, Uniform

LOW, HIGH = torch.tensor([-1.0, 2.0]), torch.tensor([1.0, 6.0])


def draw(proposal, rng, *, systems=2, n=2000, horizon=7):
    state = torch.zeros(systems, 3)
    return proposal.propose(None, state, n, horizon=horizon, low=LOW, high=HIGH, generator=rng)


@pytest.fixture(autouse=True)
def _no_dynamics_needed(unchecked):
    """These proposals look at no dynamics, so that None stands in for one."""


@pytest.mark.parametrize("proposal", [Uniform(), Uniform(hold=3), Gaussian(), Gaussian(hold=3)])
def test_shape_and_seed(proposal, rng):
    assert isinstance(proposal, Proposal)
    actions = draw(proposal, rng, systems=3, n=5)
    assert actions.shape == (3, 5, 7, 2)
    seeds = [torch.Generator().manual_seed(seed) for seed in (1, 1, 2)]
    first, same, other = (draw(proposal, seed) for seed in seeds)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", [Uniform, Gaussian])
@pytest.mark.parametrize("hold", [2, 3, 7, 10])
def test_hold_repeats_each_action(kind, hold, rng):
    actions = draw(kind(hold=hold), rng, n=4)
    for step in range(7):
        assert torch.equal(actions[:, :, step], actions[:, :, step - step % hold])
        if step >= hold and step % hold == 0:
            assert (actions[:, :, step] != actions[:, :, step - 1]).all()


def test_uniform_fills_the_bounds(rng):
    actions = draw(Uniform(), rng).flatten(0, 2)
    torch.testing.assert_close(actions.amin(0), LOW, atol=0.01, rtol=0.0)
    torch.testing.assert_close(actions.amax(0), HIGH, atol=0.01, rtol=0.0)
    torch.testing.assert_close(actions.mean(0), (LOW + HIGH) / 2, atol=0.03, rtol=0.0)


def test_gaussian_is_in_half_ranges_about_the_middle(rng):
    actions = draw(Gaussian(mean=(0.5, -1.0), std=(0.1, 0.3)), rng).flatten(0, 2)
    torch.testing.assert_close(actions.mean(0), torch.tensor([0.5, 2.0]), atol=0.02, rtol=0.0)
    torch.testing.assert_close(actions.std(0), torch.tensor([0.1, 0.6]), atol=0.02, rtol=0.0)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Uniform(hold=0), "hold must be a whole number of at least 1, got 0"),
        (lambda: Uniform(hold=1.5), "hold must be a whole number"),
        (lambda: Gaussian(hold=-1), "hold must be a whole number"),
        (lambda: Gaussian(std=-0.1), "std must not be negative"),
        (lambda: Gaussian(std=(0.1, -0.1)), "std must not be negative"),
        (lambda: Gaussian(std=float("nan")), "std must be finite"),
        (lambda: Gaussian(mean=()), "mean must be a number, or a sequence"),
        (lambda: Gaussian(mean="left"), "mean must be a number, or a sequence"),
    ],
)
def test_settings_that_cannot_be(make, text):
    with pytest.raises(InputError, match=text):
        make()


def test_numbers_for_other_dimensions(rng):
    with pytest.raises(InputError, match="std has 3 numbers, but the dynamics takes actions of 2"):
        draw(Gaussian(std=(0.1, 0.2, 0.3)), rng)
