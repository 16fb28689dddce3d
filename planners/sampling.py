"""Drawing candidate action sequences: pure functions of a shape and a generator."""

import torch
from jaxtyping import Float
from torch import Tensor


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
