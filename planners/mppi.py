"""MPPI: average the candidates, each weighted by the exponential of its return."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners import sampling
from hyperdyn.planners._inner import InnerRounds
from hyperdyn.planners._native import compiled
from hyperdyn.planners._numbers import (
    Numbers,
    each,
    numbers,
    require_at_least,
    require_range,
)
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.planner import Planner

BISECTIONS = 20
"""Halvings of the range of e^24 searched for a temperature, to a part in forty thousand."""


@dataclass(frozen=True, eq=False)
class Perturbed:
    """A plan for each system and the noise about it."""

    mean: Float[Tensor, "E H A"]
    """Weighted mean of the round before, within the bounds."""
    std: Float[Tensor, "E H A"]
    """Standard deviation of the noise on every action."""
    box: ActionBox
    """The bounds."""


@dataclass(frozen=True, kw_only=True)
class MPPI(Planner[Perturbed]):
    """Model predictive path integral control (Williams et al., 2017), for any objective.

    The mean of the candidates under weights exp((return - best return) / temperature) is the next
    mean. Like every candidate it is rolled out and ranked: the plan is the best seen, the last
    mean among them, so that its expected return is what the model says of it. The paper's cost of
    control belongs into the objective (`ControlCost`). A proposal replaces the first draw.
    """

    iterations: int = 1
    """Rounds of `samples` candidates; 1 is the paper's."""
    std: Numbers = 0.5
    """Deviation of the noise in half ranges of the bounds, for all dimensions or for each."""
    temperature: float | None = None
    """Temperature in units of the return; None: each system's is adapted to `effective_share`."""
    effective_share: float = 0.1
    """Effective share of the ranked candidates, (Σw)² / Σw² over their number, aimed at."""
    window: int = 1
    """Steps of the moving average that smooths each mean in time, odd; 1: no smoothing."""
    keep_previous: bool = True
    """Whether the previous plan, moved on one step, is one of the first round's candidates."""

    draws_within_bounds: ClassVar[bool] = True
    learns_from_infeasible: ClassVar[bool] = False  # an average with them would be none of them

    def __post_init__(self) -> None:
        """Refuse, beside what no planner can work with, weights and noise that cannot be."""
        super().__post_init__()
        require_at_least("iterations", self.iterations, 1)
        object.__setattr__(self, "std", numbers("std", self.std))
        if min(each(self.std)) <= 0.0:
            raise InputError(f"std must be above 0, got {self.std!r}.")
        if self.temperature is not None:
            require_range("temperature", self.temperature, 0.0, open_below=True)
        require_range("effective_share", self.effective_share, 0.0, 1.0, open_below=True)
        require_at_least("window", self.window, 1)
        if self.window % 2 == 0:
            raise InputError(
                f"window must be odd, to lie evenly about a step; got {self.window!r}."
            )

    def initial(self, box: ActionBox, nominal: Float[Tensor, "E H A"]) -> Perturbed:
        """Start about the previous plan."""
        return Perturbed(nominal, box.spread(self.std, "std"), box)

    def sample(
        self, params: Perturbed, n: int, generator: torch.Generator
    ) -> Float[Tensor, "E n H A"]:
        """Draw n plans for each system about its mean."""
        return sampling.gaussian(
            params.mean, params.std, n, generator=generator, within=params.box.bounds
        )

    def update(
        self, params: Perturbed, actions: Float[Tensor, "E N H A"], returns: Float[Tensor, "E N"]
    ) -> Perturbed:
        """Average the candidates; where none could be ranked, the mean stays."""
        native = compiled(actions, returns, params.mean)
        if native is None:
            weights = self.weights(returns)
            mean = (weights[:, None] @ actions.flatten(start_dim=2)).view_as(params.mean)
            mean = torch.where(weights.any(dim=1)[:, None, None], mean, params.mean)
        else:
            (E, N, H, A), mean = actions.shape, torch.empty_like(params.mean)
            addresses = (x.data_ptr() for x in (actions, returns, params.mean, mean))
            native.average(*addresses, E, N, H * A, self._stated(), self.effective_share)
        if self.window > 1:
            mean = sampling.moving_average(mean, self.window)
        return Perturbed(mean, params.std, params.box)

    def answer(self, params: Perturbed) -> Float[Tensor, "E H A"]:
        """The last weighted mean."""
        return params.mean

    def hurry(self, params: Perturbed, inner: InnerRounds) -> Perturbed | None:
        """Do the rounds that are left in one compiled call, if no mean is to be smoothed."""
        if self.window > 1:
            return None
        mean, out = params.mean.contiguous(), torch.empty_like(params.mean)
        start = tuple(x.data_ptr() for x in (mean, params.std, *params.box.bounds))
        rest = (start, out.data_ptr(), self._stated(), self.effective_share)
        inner.native.average_rounds(*inner.arguments, *rest)
        return Perturbed(out, params.std, params.box)

    def weights(self, returns: Float[Tensor, "E N"]) -> Float[Tensor, "E N"]:
        """Weights that sum to one; zero for minus infinity, and all zero where nothing is ranked.

        The best return is subtracted first, so that no scale of returns overflows.
        """
        native = compiled(returns)
        if native is not None:
            weights = torch.empty_like(returns)
            addresses = (returns.data_ptr(), weights.data_ptr())
            native.weigh(*addresses, *returns.shape, self._stated(), self.effective_share)
            return weights
        best = returns.amax(dim=1, keepdim=True)
        behind = torch.where(returns.isfinite(), best - returns, math.inf)
        if self.temperature is None:
            temperature = _adapted(behind, self.effective_share)
        else:
            least = torch.finfo(returns.dtype).tiny
            temperature = torch.full_like(best, self.temperature).clamp(min=least)
        weights = _unnormalised(behind, temperature)
        return weights / weights.sum(dim=1, keepdim=True).clamp(min=1.0)  # the best weighs 1

    def _stated(self) -> float:
        """The temperature for compiled code: zero is to be searched for."""
        least = torch.finfo(torch.float32).tiny
        return 0.0 if self.temperature is None else max(self.temperature, least)


def _adapted(behind: Float[Tensor, "E N"], share: float) -> Float[Tensor, "E 1"]:
    """Find the temperature at which a share of the candidates counts, from how far each lags."""
    finite = behind.isfinite()
    wanted = (share * finite.sum(dim=1, keepdim=True)).clamp(min=1.0)
    span = torch.where(finite, behind, 0.0).amax(dim=1, keepdim=True)
    span = span.clamp(min=1e9 * torch.finfo(span.dtype).tiny)
    low, high = torch.full_like(span, -18.0), torch.full_like(span, 6.0)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        weights = _unnormalised(behind, span * middle.exp())
        effective = weights.sum(dim=1, keepdim=True).square()
        effective = effective / weights.square().sum(dim=1, keepdim=True).clamp(min=1.0)
        low = torch.where(effective < wanted, middle, low)
        high = torch.where(effective < wanted, high, middle)
    return span * high.exp()


def _unnormalised(
    behind: Float[Tensor, "E N"], temperature: Float[Tensor, "E 1"]
) -> Float[Tensor, "E N"]:
    return torch.where(behind.isfinite(), torch.exp(-behind / temperature), 0.0)
