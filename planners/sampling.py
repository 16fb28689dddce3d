"""Drawing candidate action sequences: pure functions of a shape and a generator."""

import functools
import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.planners._native import philox

Bounds = tuple[Tensor, Tensor]
"""Lower and upper bounds of every action of a plan, each [H, A]."""

Interpolation = Literal["linear", "cubic"]
"""How a spline runs between its knots."""


def uniform(
    systems: int, n: int, *, within: Bounds, generator: torch.Generator
) -> Float[Tensor, "E n H A"]:
    """Draw independent actions, uniform between the bounds of a plan."""
    low, high = within
    shape = (systems, n, *low.shape)
    native = philox(generator, low, high)
    if native is None:
        unit = torch.rand(shape, generator=generator, dtype=low.dtype, device=low.device)
        drawn = unit.mul_(high - low).add_(low).minimum(high)
    else:
        drawn = torch.empty(shape)
        addresses = (low.data_ptr(), high.data_ptr(), drawn.data_ptr())
        native.uniform(draw_key(generator), *addresses, systems * n, low.numel())
    return drawn


def gaussian(
    mean: Float[Tensor, "E H A"],
    std: Float[Tensor, "E H A"],
    n: int,
    *,
    generator: torch.Generator,
    within: Bounds | None = None,
) -> Float[Tensor, "E n H A"]:
    """Draw `n` sequences per system from a Gaussian that is independent in time and dimension.

    Args:
        mean: Mean sequences.
        std: Deviations.
        n: Sequences per system.
        generator: The only source of randomness.
        within: Bounds that what falls beyond is put on; None: none.
    """
    systems, horizon, action_dim = mean.shape
    mean, std = mean.contiguous(), std.contiguous()
    low, high = within or _nowhere(horizon, action_dim, mean.dtype, mean.device)
    native = philox(generator, mean, std, low, high)
    if native is None:
        drawn = _standard((systems, n, horizon, action_dim), mean, generator)
        return drawn.mul_(std[:, None]).add_(mean[:, None]).clamp_(low, high)
    drawn = torch.empty(systems, n, horizon, action_dim)
    addresses = (tensor.data_ptr() for tensor in (mean, std, low, high, drawn))
    native.gaussian(draw_key(generator), *addresses, systems, n, horizon * action_dim)
    return drawn


def coloured(
    mean: Float[Tensor, "E H A"],
    std: Float[Tensor, "E H A"],
    n: int,
    *,
    exponent: float,
    generator: torch.Generator,
    within: Bounds | None = None,
) -> Float[Tensor, "E n H A"]:
    """Draw Gaussian sequences whose noise has a power spectrum of 1/frequency^exponent in time.

    The noise has the stated deviation at every step, and period H (Timmer and König, 1995). The
    constant has the power of the lowest frequency; 0 is white noise, 1 pink, 2 that of a walk. The
    arguments are those of `gaussian`.
    """
    systems, horizon, action_dim = mean.shape
    mean, std = mean.contiguous(), std.contiguous()
    low, high = within or _nowhere(horizon, action_dim, mean.dtype, mean.device)
    waves = noise_waves(horizon, exponent, mean.dtype, mean.device)
    native = philox(generator, mean, std, low, high)
    if native is None:
        noise = waves @ _standard((systems, horizon, n * action_dim), mean, generator)
        noise = noise.view(systems, horizon, n, action_dim).transpose(1, 2).contiguous()
        return noise.mul_(std[:, None]).add_(mean[:, None]).clamp_(low, high)
    drawn = torch.empty(systems, n, horizon, action_dim)
    addresses = (tensor.data_ptr() for tensor in (waves, mean, std, low, high, drawn))
    native.coloured(draw_key(generator), *addresses, *drawn.shape)
    return drawn


@functools.lru_cache(maxsize=64)
def _nowhere(horizon: int, action_dim: int, dtype: torch.dtype, device: torch.device) -> Bounds:
    """Bounds that nothing falls beyond."""
    high = torch.full((horizon, action_dim), math.inf, dtype=dtype, device=device)
    return -high, high


def _standard(
    shape: tuple[int, ...], like: Tensor, generator: torch.Generator
) -> Float[Tensor, "*shape"]:
    """Standard normal numbers, of the type and on the device of a tensor."""
    return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)


@functools.lru_cache(maxsize=64)
def noise_waves(
    horizon: int, exponent: float, dtype: torch.dtype, device: torch.device
) -> Float[Tensor, "H H"]:
    """Waves of period H as columns: times independent normal numbers, noise of unit deviation."""
    step, frequency = torch.arange(horizon, dtype=torch.float64), torch.arange(horizon // 2 + 1)
    power = (frequency.double() / horizon).clamp(min=1 / horizon).pow(-exponent)
    angle = 2 * math.pi * step[:, None] * frequency / horizon
    # The constant and, if H is even, the highest frequency have no sine, and half the power.
    paired = (frequency > 0) & (2 * frequency < horizon)
    power = power.where(paired, power / 2)
    waves = torch.cat([angle.cos() * power.sqrt(), (angle.sin() * power.sqrt())[:, paired]], dim=1)
    return (waves / waves.square().sum(dim=1, keepdim=True).sqrt()).to(device, dtype)


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
    return held(gaussian(mean, std, n, generator=generator), horizon, hold)


def shifted(actions: Float[Tensor, "E H A"]) -> Float[Tensor, "E H A"]:
    """Move a plan one step on: its first action has been taken, its last one is repeated."""
    return torch.cat((actions[:, 1:], actions[:, -1:]), dim=1)


def draw_key(generator: torch.Generator) -> int:
    """A key of 63 bits for one draw."""
    return int(torch.empty((), dtype=torch.int64).random_(generator=generator))


def held(
    actions: Float[Tensor, "E n knots A"], horizon: int, hold: int
) -> Float[Tensor, "E n H A"]:
    """Hold each action for `hold` steps, up to the horizon."""
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
