"""iCEM: the cross-entropy method with coloured noise and a memory for elites."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners import sampling
from hyperdyn.planners._inner import InnerRounds
from hyperdyn.planners._numbers import require_range
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.elites import ActionGaussian, ElitePlanner


@dataclass(frozen=True, eq=False)
class Remembering:
    """A Gaussian over plans, and the best plans of the round before."""

    gaussian: ActionGaussian
    """Fitted to the elites."""
    kept: Float[Tensor, "E K H A"]
    """Elites that compete again, best first; none before the first round."""
    rounds_left: int
    """Rounds still to be drawn."""


@dataclass(frozen=True, kw_only=True)
class ICEM(ElitePlanner[Remembering]):
    """The improved cross-entropy method (Pinneri et al., 2020), for planning in real time.

    CEM, and: the noise is coloured in time; a share of the elites competes again in the next
    round and, moved on one step, in the next plan (the last action repeated); rounds shrink; the
    mean competes in the last round; the plan is the best candidate seen.
    """

    noise_exponent: float = 1.0
    """β: the noise has a power spectrum of 1/frequency^β; 0 is white, 2 a random walk."""
    kept_share: float = 0.3
    """Share of the elites that compete again, 0 to 1."""
    shrinking: float = 1.25
    """Each round has this many times fewer candidates (1: all alike), but at least 2·elites."""

    def __post_init__(self) -> None:
        """Refuse, beside what CEM refuses, noise, shares and rounds that cannot be."""
        super().__post_init__()
        require_range("noise_exponent", self.noise_exponent, 0.0)
        require_range("kept_share", self.kept_share, 0.0, 1.0)
        require_range("shrinking", self.shrinking, 1.0)
        if 2 * self.elites > self.samples:
            raise InputError(
                f"ICEM keeps at least twice as many candidates as elites, but has {self.elites} "
                f"elites and {self.samples} samples; lower elites or raise samples."
            )

    def initial(self, box: ActionBox, nominal: Float[Tensor, "E H A"]) -> Remembering:
        """Start about the previous plan, with nothing kept."""
        return Remembering(
            self.first_gaussian(box, nominal), nominal[:, None][:, :0], self.iterations
        )

    def population(self, rounds: int) -> int:
        """N·shrinking^-rounds, at least twice the elites."""
        return max(2 * self.elites, int(self.samples * self.shrinking**-rounds))

    def sample(
        self, params: Remembering, n: int, generator: torch.Generator
    ) -> Float[Tensor, "E n H A"]:
        """Draw n plans for each system, the kept elites and at the end the mean among them."""
        mean, std = params.gaussian.mean, params.gaussian.std
        drawn = sampling.coloured(
            mean,
            std,
            n,
            exponent=self.noise_exponent,
            generator=generator,
            within=params.gaussian.box.bounds,
        )
        if params.rounds_left == 1 and self.iterations > 1:
            drawn[:, 0] = mean
        kept = params.kept[:, : n - 1]
        drawn[:, 1 : 1 + kept.shape[1]] = kept
        return drawn

    def update(
        self, params: Remembering, actions: Float[Tensor, "E N H A"], returns: Float[Tensor, "E N"]
    ) -> Remembering:
        """Fit the Gaussian to the elites and keep a share of them."""
        count = round(self.kept_share * self.elites)
        gaussian, kept = self.fitted(params.gaussian, actions, returns, count)
        return Remembering(gaussian, kept, params.rounds_left - 1)

    def hurry(self, params: Remembering, inner: InnerRounds) -> Remembering:
        """Do the rounds that are left in one compiled call."""
        box, mean, std = params.gaussian.box, params.gaussian.mean.contiguous(), params.gaussian.std
        least_std, kept = params.gaussian.least_std, params.kept.contiguous()
        waves = sampling.noise_waves(self.horizon, self.noise_exponent, mean.dtype, mean.device)
        sizes = [self.population(self.iterations - left) for left in range(inner.left, 0, -1)]
        new = (torch.empty_like(mean), torch.empty_like(std), torch.empty_like(kept))
        start = tuple(x.data_ptr() for x in (mean, std, least_std, *box.bounds))
        inner.native.remembering_rounds(
            *inner.arguments,
            np.array(sizes, dtype=np.int64),
            waves.data_ptr(),
            start,
            kept.data_ptr(),
            kept.shape[1],
            tuple(x.data_ptr() for x in new),
            self.elites,
            1.0 - self.smoothing,
        )
        return Remembering(ActionGaussian(*new[:2], least_std, box), new[2], 0)

    def carried(self, params: Remembering) -> Float[Tensor, "E K H A"]:
        """The elites kept from the last round."""
        return params.kept
