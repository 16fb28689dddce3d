"""The cross-entropy method: draw from a Gaussian, fit it to the best, draw again."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.planners import sampling
from hyperdyn.planners._inner import InnerRounds
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.elites import ActionGaussian, ElitePlanner


@dataclass(frozen=True, kw_only=True)
class CEM(ElitePlanner[ActionGaussian]):
    """The cross-entropy method (Rubinstein, 1999), with the best candidate seen as the plan.

    Each round draws from a Gaussian (clipped into the bounds), and mean and deviation of the
    `elites` best candidates become the next: m ← smoothing·m + (1 - smoothing)·mean(elites), and
    so for the deviation. The first mean is the previous plan moved on one step. A proposal
    replaces the first draw.
    """

    def initial(self, box: ActionBox, nominal: Float[Tensor, "E H A"]) -> ActionGaussian:
        """Start about the previous plan, as wide as `initial_std` says."""
        return self.first_gaussian(box, nominal)

    def sample(
        self, params: ActionGaussian, n: int, generator: torch.Generator
    ) -> Float[Tensor, "E n H A"]:
        """Draw n plans for each system."""
        return sampling.gaussian(
            params.mean, params.std, n, generator=generator, within=params.box.bounds
        )

    def update(
        self,
        params: ActionGaussian,
        actions: Float[Tensor, "E N H A"],
        returns: Float[Tensor, "E N"],
    ) -> ActionGaussian:
        """Fit the Gaussian to the elites, of which only those with a finite return count."""
        fitted, _ = self.fitted(params, actions, returns)
        return fitted

    def hurry(self, params: ActionGaussian, inner: InnerRounds) -> ActionGaussian:
        """Do the rounds that are left in one compiled call."""
        mean, std, least_std = params.mean.contiguous(), params.std, params.least_std
        new_mean, new_std = torch.empty_like(mean), torch.empty_like(std)
        start = tuple(x.data_ptr() for x in (mean, std, least_std, *params.box.bounds))
        out = (new_mean.data_ptr(), new_std.data_ptr())
        rest = (start, out, self.elites, 1.0 - self.smoothing)
        inner.native.elite_rounds(*inner.arguments, *rest)
        return ActionGaussian(new_mean, new_std, least_std, params.box)
