"""Proposals: what they draw, within which bounds."""

import pytest
import torch

from hyperdyn.errors import InputError, UnknownNameError
from hyperdyn.planners import ColouredNoise, Gaussian, Proposal, SplineKnots, Uniform

LOW, HIGH = torch.tensor([-1.0, 2.0]), torch.tensor([1.0, 6.0])


def draw(proposal, rng, *, systems=2, n=2000, horizon=7):
    state = torch.zeros(systems, 3)
    return proposal.propose(None, state, n, horizon=horizon, low=LOW, high=HIGH, generator=rng)


@pytest.fixture(autouse=True)
def _no_dynamics_needed(unchecked):
    """These proposals look at no dynamics, so that None stands in for one."""


@pytest.mark.parametrize(
    "proposal",
    [
        Uniform(),
        Uniform(hold=3),
        Gaussian(),
        Gaussian(hold=3),
        ColouredNoise(),
        SplineKnots(),
        SplineKnots(interpolation="linear"),
    ],
)
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


def test_coloured_noise_is_in_half_ranges_about_the_middle(rng):
    proposal = ColouredNoise(exponent=2.0, mean=(0.5, -1.0), std=(0.1, 0.3))
    actions = draw(proposal, rng, n=20000)
    for step in range(7):
        at = actions[0, :, step]
        torch.testing.assert_close(at.mean(0), torch.tensor([0.5, 2.0]), atol=0.02, rtol=0.0)
        torch.testing.assert_close(at.std(0), torch.tensor([0.1, 0.6]), atol=0.02, rtol=0.0)


def test_the_exponent_makes_neighbours_alike(rng):
    def jump(exponent):
        actions = draw(ColouredNoise(exponent=exponent), rng, horizon=20)
        return actions.diff(dim=2).square().mean() / actions.var()

    assert jump(0.0) > 2 * jump(1.0) > 4 * jump(2.0)


def test_knots_are_in_half_ranges_about_the_middle(rng):
    proposal = SplineKnots(knots=3, mean=(0.5, -1.0), std=(0.1, 0.3))
    actions = draw(proposal, rng, n=20000)
    for step in (0, 3, 6):  # where the knots lie
        at = actions[0, :, step]
        torch.testing.assert_close(at.mean(0), torch.tensor([0.5, 2.0]), atol=0.02, rtol=0.0)
        torch.testing.assert_close(at.std(0), torch.tensor([0.1, 0.6]), atol=0.02, rtol=0.0)
    correlation = actions[0, :, :, 0].T.corrcoef()
    assert correlation[0, 3].abs() < 0.03
    assert correlation[0, 1] > 0.7


def test_linear_splines_are_straight_and_cubic_ones_smooth(rng):
    def bends(interpolation):
        proposal = SplineKnots(knots=3, interpolation=interpolation)
        return draw(proposal, rng, horizon=21).diff(n=2, dim=2).square().mean(dim=(0, 1, 3))

    straight = bends("linear")
    assert straight.argmax() == 9  # the middle knot
    assert (straight.sum() - straight[9]) / straight[9] < 1e-6
    smooth = bends("cubic")
    assert smooth.amax() < 0.1 * straight[9]


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
        (lambda: ColouredNoise(exponent=-1.0), "exponent must be finite, at least 0"),
        (lambda: ColouredNoise(std=-0.1), "std must not be negative"),
        (lambda: SplineKnots(knots=1), "knots must be a whole number of at least 2, got 1"),
        (lambda: SplineKnots(mean=float("inf")), "mean must be finite"),
    ],
)
def test_settings_that_cannot_be(make, text):
    with pytest.raises(InputError, match=text):
        make()


def test_numbers_for_other_dimensions(rng):
    with pytest.raises(InputError, match="std has 3 numbers, but the dynamics takes actions of 2"):
        draw(Gaussian(std=(0.1, 0.2, 0.3)), rng)


def test_an_interpolation_that_is_not_there():
    with pytest.raises(UnknownNameError, match="cubic"):
        SplineKnots(interpolation="quintic")
