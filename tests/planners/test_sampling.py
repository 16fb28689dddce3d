"""Drawing in time: the spectrum of coloured noise, the shape of splines."""

import pytest
import torch
from scipy.interpolate import CubicSpline

from hyperdyn.planners import sampling


def noise(rng, *, exponent, horizon, n=4000, systems=1):
    mean = torch.zeros(systems, horizon, 2)
    return sampling.coloured(mean, mean + 1.0, n, exponent=exponent, generator=rng)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("horizon", [32, 33])
def test_the_spectrum_falls_as_the_exponent_says(rng, exponent, horizon):
    drawn = noise(rng, exponent=exponent, horizon=horizon).double()
    power = torch.fft.rfft(drawn, dim=2).abs().square().mean(dim=(0, 1, 3))[1:]
    frequency = torch.fft.rfftfreq(horizon)[1:].double()
    slope = torch.stack([frequency.log(), power.log()]).cov()
    assert slope[0, 1] / slope[0, 0] == pytest.approx(-exponent, abs=0.03)
    line = power.log() + exponent * frequency.log()
    assert (line - line.mean()).abs().max() < 0.1  # a straight line up to the last frequency


@pytest.mark.parametrize("exponent", [0.0, 1.0, 3.5])
@pytest.mark.parametrize("horizon", [1, 2, 3, 7, 20])
def test_the_variance_is_one_at_every_step(rng, exponent, horizon):
    drawn = noise(rng, exponent=exponent, horizon=horizon, n=20000)
    variance = drawn.square().mean(dim=(0, 1))
    torch.testing.assert_close(variance, torch.ones(horizon, 2), rtol=0.0, atol=0.05)
    torch.testing.assert_close(drawn.mean(dim=(0, 1)), torch.zeros(horizon, 2), rtol=0, atol=0.03)


@pytest.mark.parametrize("horizon", [8, 9])
def test_exponent_zero_is_white(rng, horizon):
    drawn = noise(rng, exponent=0.0, horizon=horizon, n=20000)[0]
    correlation = drawn.flatten(1).T.corrcoef() - torch.eye(2 * horizon)
    assert correlation.abs().max() < 0.04
    kurtosis = drawn.pow(4).mean() / drawn.square().mean().square()
    assert kurtosis.item() == pytest.approx(3.0, abs=0.1)


def test_coloured_noise_is_about_each_mean_with_each_deviation(rng):
    mean = torch.linspace(-1, 1, 2 * 5 * 3).reshape(2, 5, 3)
    std = torch.linspace(0.1, 2, 2 * 5 * 3).reshape(2, 5, 3)
    drawn = sampling.coloured(mean, std, 20000, exponent=1.0, generator=rng)
    torch.testing.assert_close(drawn.mean(1), mean, rtol=0.0, atol=0.06)
    torch.testing.assert_close(drawn.std(1), std, rtol=0.03, atol=0.0)


def test_systems_and_dimensions_are_independent(rng):
    drawn = noise(rng, exponent=2.0, horizon=6, systems=2)
    streams = drawn[:, :, 3].permute(0, 2, 1).flatten(0, 1)  # one step of each stream
    assert (streams.corrcoef() - torch.eye(4)).abs().max() < 0.06


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_a_spline_passes_its_knots(rng, interpolation, count):
    knots = torch.randn(2, 3, count, 2, generator=rng)
    curve = sampling.spline(knots, 4 * (count - 1) + 1, interpolation)
    torch.testing.assert_close(curve[:, :, ::4], knots)


def test_a_cubic_spline_is_the_natural_one(rng):
    knots = torch.randn(1, 1, 5, 3, generator=rng, dtype=torch.float64)
    curve = sampling.spline(knots, 23, "cubic")[0, 0]
    wanted = CubicSpline(range(5), knots[0, 0].numpy(), bc_type="natural")
    position = torch.linspace(0, 4, 23, dtype=torch.float64)
    torch.testing.assert_close(curve, torch.tensor(wanted(position)))


def test_a_linear_spline_is_straight_between_knots():
    knots = torch.tensor([0.0, 1.0, -1.0]).reshape(1, 1, 3, 1)
    curve = sampling.spline(knots, 5, "linear").flatten()
    assert curve.tolist() == pytest.approx([0.0, 0.5, 1.0, 0.0, -1.0])


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("horizon", [1, 2, 3])
def test_fewer_steps_than_knots(rng, interpolation, horizon):
    knots = torch.randn(1, 2, 6, 1, generator=rng)
    curve = sampling.spline(knots, horizon, interpolation)
    torch.testing.assert_close(curve[:, :, 0], knots[:, :, 0])
    if horizon > 1:
        torch.testing.assert_close(curve[:, :, -1], knots[:, :, -1])


def test_a_moving_average_has_no_lag():
    peak = torch.zeros(1, 7, 1)
    peak[0, 3] = 1.0
    wanted = [0.0, 0.0, 1 / 3, 1 / 3, 1 / 3, 0.0, 0.0]
    assert sampling.moving_average(peak, 3).flatten().tolist() == pytest.approx(wanted)
