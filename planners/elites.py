"""What CEM and iCEM share: a Gaussian over plans, fitted to the best candidates of a round."""

from abc import ABC
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
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
        return ActionGaussian(nominal, std, least_std)

    def fitted(
        self,
        gaussian: ActionGaussian,
        actions: Float[Tensor, "E N H A"],
        index: Int[Tensor, "E elites"],
        returns: Float[Tensor, "E elites"],
    ) -> ActionGaussian:
        """Fit the Gaussian to the elites, of which only those with a finite return count.

        Args:
            gaussian: The one the candidates were drawn from.
            actions: The candidates.
            index: Which of them are the elites.
            returns: The elites' returns.
        """
        least_std = gaussian.least_std
        native = compiled(actions, gaussian.mean, gaussian.std, returns, least_std)
        if native is not None:
            E, N, H, A = actions.shape
            mean, std = torch.empty_like(gaussian.mean), torch.empty_like(gaussian.std)
            native.fit(
                actions.data_ptr(),
                index.data_ptr(),
                returns.data_ptr(),
                gaussian.mean.data_ptr(),
                gaussian.std.data_ptr(),
                least_std.data_ptr(),
                mean.data_ptr(),
                std.data_ptr(),
                E,
                N,
                index.shape[1],
                H * A,
                1.0 - self.smoothing,
            )
            return ActionGaussian(mean, std, least_std)
        best = chosen(actions, index)
        weight = returns.isfinite().to(best.dtype)[:, :, None, None]
        count = weight.sum(dim=1)
        mean = (weight * best).sum(dim=1) / count.clamp(min=1)
        variance = (weight * (best - mean[:, None]).square()).sum(dim=1) / count.clamp(min=1)
        # One elite has no spread, and none has no mean: what they cannot say stays as it was.
        mean = torch.where(count >= 1, gaussian.mean.lerp(mean, 1 - self.smoothing), gaussian.mean)
        std = gaussian.std.lerp(variance.sqrt(), 1 - self.smoothing).maximum(least_std)
        std = torch.where(count >= 2, std, gaussian.std)
        return ActionGaussian(mean, std, least_std)


def chosen(
    actions: Float[Tensor, "E N H A"], index: Int[Tensor, "E count"]
) -> Float[Tensor, "E count H A"]:
    """The candidates of each system that an index names."""
    systems = torch.arange(len(actions), device=actions.device)
    return actions[systems[:, None], index]
