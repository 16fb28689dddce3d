"""What CEM and iCEM share: a Gaussian over plans, fitted to the best candidates of a round."""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._native import compiled
from hyperdyn.planners._numbers import (
    Numbers,
    each,
    numbers,
    require_at_least,
    require_range,
)
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.planner import Params, Planner


@dataclass(frozen=True, eq=False)
class ActionGaussian:
    """A Gaussian over plans, for each system its own, independent in time and dimension."""

    mean: Float[Tensor, "E H A"]
    """Mean plan, within the bounds."""
    std: Float[Tensor, "E H A"]
    """Standard deviation of every action."""
    least_std: Float[Tensor, "E H A"]
    """What the deviation never falls below."""
    box: ActionBox
    """The bounds."""


@dataclass(frozen=True, kw_only=True)
class ElitePlanner(Planner[Params], ABC):
    """A planner that fits a Gaussian to the `elites` best candidates of every round.

    m ← smoothing·m + (1 - smoothing)·mean(elites), and so for the deviation.
    """

    iterations: int = 5
    """Rounds of candidates."""
    elites: int = 50
    """Candidates the Gaussian is fitted to."""
    smoothing: float = 0.1
    """Share of the old mean and deviation kept in a round, from 0 up to but not 1."""
    initial_std: Numbers = 0.5
    """First standard deviation in half ranges of the bounds, for all dimensions or for each."""
    minimum_std: float = 0.02
    """Least standard deviation, in half ranges of the bounds."""
    keep_previous: bool = True
    """Whether the previous plan, moved on one step, is one of the first round's candidates."""

    draws_within_bounds: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse, beside what no planner can work with, a fit that cannot be made."""
        super().__post_init__()
        require_at_least("iterations", self.iterations, 1)
        require_at_least("elites", self.elites, 1)
        if self.elites > self.samples:
            raise InputError(
                f"{type(self).__name__} cannot choose {self.elites} elites among {self.samples} "
                "samples; lower elites (a tenth of the samples is usual) or raise samples."
            )
        if not 0.0 <= self.smoothing < 1.0:
            raise InputError(
                f"smoothing must be at least 0 and below 1, got {self.smoothing!r}; at 1 the "
                "Gaussian would never move."
            )
        require_range("minimum_std", self.minimum_std, 0.0)
        object.__setattr__(self, "initial_std", numbers("initial_std", self.initial_std))
        if min(each(self.initial_std)) <= 0.0:
            raise InputError(f"initial_std must be above 0, got {self.initial_std!r}.")

    def first_gaussian(self, box: ActionBox, nominal: Float[Tensor, "E H A"]) -> ActionGaussian:
        """Start about the previous plan, as wide as `initial_std` says."""
        least_std = box.spread(self.minimum_std, "minimum_std")
        std = box.spread(self.initial_std, "initial_std").maximum(least_std)
        return ActionGaussian(nominal, std, least_std, box)

    def fitted(
        self,
        gaussian: ActionGaussian,
        actions: Float[Tensor, "E N H A"],
        returns: Float[Tensor, "E N"],
        kept: int = 0,
    ) -> tuple[ActionGaussian, Float[Tensor, "E kept H A"]]:
        """Fit the Gaussian to the elites, of which only those with a finite return count.

        Args:
            gaussian: The one the candidates were drawn from.
            actions: The candidates.
            returns: Their returns.
            kept: How many of the elites to return beside, best first; the mean stands in place of
                one that could not be ranked.
        """
        box, least_std = gaussian.box, gaussian.least_std
        low, high = box.bounds
        native = compiled(actions, gaussian.mean, gaussian.std, returns, least_std, low, high)
        if native is None:
            return self._fitted(gaussian, actions, returns, kept)
        E, N, H, A = actions.shape
        mean, std = torch.empty_like(gaussian.mean), torch.empty_like(gaussian.std)
        best = torch.empty(E, kept, H, A)
        addresses = (
            tensor.data_ptr()
            for tensor in (
                actions,
                returns,
                gaussian.mean,
                gaussian.std,
                least_std,
                low,
                high,
                mean,
                std,
                best,
            )
        )
        native.fit(*addresses, E, N, H * A, self.elites, kept, 1.0 - self.smoothing)
        return ActionGaussian(mean, std, least_std, box), best

    def _fitted(
        self,
        gaussian: ActionGaussian,
        actions: Float[Tensor, "E N H A"],
        returns: Float[Tensor, "E N"],
        kept: int,
    ) -> tuple[ActionGaussian, Float[Tensor, "E kept H A"]]:
        best, index = returns.topk(self.elites, dim=1)
        elites = actions[torch.arange(len(actions), device=actions.device)[:, None], index]
        finite = best.isfinite()[:, :, None, None]
        weight = finite.to(elites.dtype)
        count = weight.sum(dim=1)
        mean = (weight * elites).sum(dim=1) / count.clamp(min=1)
        variance = (weight * (elites - mean[:, None]).square()).sum(dim=1) / count.clamp(min=1)
        # One elite has no spread, and none has no mean: what they cannot say stays as it was.
        moved = gaussian.mean.lerp(mean, 1 - self.smoothing).clamp(*gaussian.box.bounds)
        mean = torch.where(count >= 1, moved, gaussian.mean)
        std = gaussian.std.lerp(variance.sqrt(), 1 - self.smoothing).maximum(gaussian.least_std)
        std = torch.where(count >= 2, std, gaussian.std)
        fitted = ActionGaussian(mean, std, gaussian.least_std, gaussian.box)
        return fitted, torch.where(finite[:, :kept], elites[:, :kept], mean[:, None])
