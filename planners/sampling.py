"""Drawing candidate action sequences: pure functions of a shape and a generator."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Interpolation = Literal["linear", "cubic"]
"""How a spline runs between its knots."""


def uniform(
    systems: int,
    n: int,
    horizon: int,
    *,
    low: Float[Tensor, "A"],
    high: Float[Tensor, "A"],
    generator: torch.Generator,
    hold: int = 1,
) -> Float[Tensor, "E n H A"]:
    """Draw independent actions, uniform between the bounds, each held for `hold` steps."""
    knots = -(-horizon // hold)
    shape = (systems, n, knots, len(low))
    unit = torch.rand(shape, generator=generator, dtype=low.dtype, device=low.device)
    # Bounds laid out for every knot: broadcasting over a few dimensions is several times slower.
    low, high = low.repeat(knots, 1), high.repeat(knots, 1)
    return _held(unit.mul_(high - low).add_(low), horizon, hold)


def gaussian(
    mean: Float[Tensor, "E H A"],
    std: Float[Tensor, "E H A"],
    n: int,
    *,
    generator: torch.Generator,
) -> Float[Tensor, "E n H A"]:
    """Draw `n` sequences per system from a Gaussian that is independent in time and dimension."""
    systems, horizon, action_dim = mean.shape
    shape = (systems, n, horizon, action_dim)
    unit = torch.randn(shape, generator=generator, dtype=mean.dtype, device=mean.device)
    return unit.mul_(std[:, None]).add_(mean[:, None])


def coloured(
    mean: Float[Tensor, "E H A"],
    std: Float[Tensor, "E H A"],
    n: int,
    *,
    exponent: float,
    generator: torch.Generator,
) -> Float[Tensor, "E n H A"]:
    """Draw Gaussian sequences whose noise has a power spectrum of 1/frequency^exponent in time.

    The noise has the stated deviation at every step, and period H (Timmer and König, 1995). The
    constant has the power of the lowest frequency; 0 is white noise, 1 pink, 2 that of a walk.
    """
    systems, horizon, action_dim = mean.shape
    frequency = torch.fft.rfftfreq(horizon, dtype=mean.dtype, device=mean.device)
    scale = frequency.clamp(min=1 / horizon).pow(-exponent / 2)
    # The constant and, if H is even, the highest frequency have no imaginary part to share with.
    order = torch.arange(len(scale), device=mean.device)
    alone = (order == 0) | (2 * order == horizon)
    variance = (scale.square() * torch.where(alone, 2.0, 4.0)).sum() / horizon**2
    scale = scale * torch.where(alone, math.sqrt(2.0), 1.0) / variance.sqrt()
    shape = (2, systems, n, action_dim, len(scale))
    real, imaginary = torch.randn(
        shape, generator=generator, dtype=mean.dtype, device=mean.device
    ).mul_(scale)
    unit: Tensor = torch.fft.irfft(torch.complex(real, imaginary), n=horizon)
    return unit.transpose(2, 3).contiguous().mul_(std[:, None]).add_(mean[:, None])


def spline(
    knots: Float[Tensor, "E n K A"], horizon: int, interpolation: Interpolation
) -> Float[Tensor, "E n H A"]:
    """Interpolate K ≥ 2 knots, even in time, the first at the first step and the last at the last.

    A cubic spline is natural: twice continuously differentiable, without curvature at its ends.
    """
    K = knots.shape[2]
    position = torch.linspace(0, K - 1, horizon, dtype=torch.float64)
    left = position.floor().clamp(max=K - 2).long()
    b = (position - left)[:, None]
    a = 1 - b
    values = torch.eye(K, dtype=torch.float64)
    weights = a * values[left] + b * values[left + 1]
    if interpolation == "cubic":
        bends = _bends(K)
        weights += ((a**3 - a) * bends[left] + (b**3 - b) * bends[left + 1]) / 6
    return torch.einsum("hk,enka->enha", weights.to(knots), knots)


def moving_average(actions: Float[Tensor, "E H A"], window: int) -> Float[Tensor, "E H A"]:
    """Average each action with its neighbours in time, `window` (odd) in all, fewer at the ends."""
    steps = torch.arange(actions.shape[1], device=actions.device)
    near = (steps[:, None] - steps).abs() <= window // 2
    weights = near.to(actions) / near.sum(dim=1, keepdim=True)
    return weights @ actions


def white_noise(
    systems: int,
    n: int,
    horizon: int,
    *,
    mean: Float[Tensor, "A"],
    std: Float[Tensor, "A"],
    generator: torch.Generator,
    hold: int = 1,
) -> Float[Tensor, "E n H A"]:
    """Draw Gaussian actions about one mean action, independent in time, each held `hold` steps."""
    mean, std = (row.repeat(systems, -(-horizon // hold), 1) for row in (mean, std))
    return _held(gaussian(mean, std, n, generator=generator), horizon, hold)


def shifted(actions: Float[Tensor, "E H A"]) -> Float[Tensor, "E H A"]:
    """Move a plan one step on: its first action has been taken, its last one is repeated."""
    return torch.cat((actions[:, 1:], actions[:, -1:]), dim=1)


def _held(
    actions: Float[Tensor, "E n knots A"], horizon: int, hold: int
) -> Float[Tensor, "E n H A"]:
    if hold == 1:
        return actions
    return actions.repeat_interleave(hold, dim=2)[:, :, :horizon]


def _bends(count: int) -> Float[Tensor, "count count"]:
    """Second derivatives at the knots of the natural cubic spline, as a map of the knots."""
    curvature = torch.zeros(count, count, dtype=torch.float64)
    matrix = torch.eye(count, dtype=torch.float64)
    for k in range(1, count - 1):
        matrix[k, k - 1 : k + 2] = torch.tensor([1.0, 4.0, 1.0])
        curvature[k, k - 1 : k + 2] = torch.tensor([6.0, -12.0, 6.0])
    bends: Tensor = torch.linalg.solve(matrix, curvature)
    return bends
