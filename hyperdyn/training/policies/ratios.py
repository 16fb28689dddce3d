"""How many candidates a proposal saves, from returns over numbers of candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hyperdyn.errors import InputError

RESAMPLES = 5000
Curve = Float[np.ndarray, "counts _"]
"""Returns of R episodes at each number of candidates."""


@dataclass(frozen=True, kw_only=True)
class CandidateRatio:
    """Candidates that sampling alone needs, for each that the planner with a proposal has.

    A number at either limit is a bound and no measurement: sampling alone was not tried with fewer
    candidates than the first number, nor with more than the last.
    """

    ratio: float
    ci95: tuple[float, float]
    """Percentiles of bootstrap samples of the episodes, each cut off at the limits."""
    limits: tuple[float, float]
    """The least and the greatest ratio that could have been seen."""
    wanted: float
    """The return to be reached."""

    @property
    def text(self) -> str:
        """The ratio and its interval, bounds marked as such."""
        low, high = (self.word(end) for end in self.ci95)
        return f"{self.word(self.ratio)} [{low}, {high}]"

    def word(self, value: float) -> str:
        """A ratio, "≤ 1.0" or "≥ 16.0" where it is a bound."""
        least, most = self.limits
        mark = "≤ " if value <= least else "≥ " if value >= most else ""
        return f"{mark}{value:.1f}"


def candidate_ratio(
    counts: Sequence[int],
    alone: Mapping[str, Curve],
    assisted: Mapping[str, Float[np.ndarray, " _"]],
    *,
    seed: int = 0,
) -> CandidateRatio:
    """Compare sampling alone with a planner that has a proposal and as few candidates as it can.

    Sampling alone needs as many candidates as the first place where its mean return reaches that of
    the planner with the proposal at `counts[0]`; between two numbers the return is taken to be a
    line over the logarithm of the candidates. The first place counts, so noise favours sampling.

    Args:
        counts: Numbers of candidates, ascending.
        alone: Returns of sampling alone, in strata.
        assisted: Returns with the proposal at the least number, in the same episodes.
        seed: Of the bootstrap, which resamples episodes, both curves alike, within each stratum.

    Raises:
        InputError: If there are fewer than two numbers, they do not ascend, or the episodes of the
            two are not the same.
    """
    if len(counts) < 2 or list(counts) != sorted(set(counts)) or counts[0] < 1:
        raise InputError(f"A ratio wants two or more ascending numbers; got {list(counts)}.")
    for name, curve in alone.items():
        shape, wanted = curve.shape, (len(counts), len(assisted.get(name, ())))
        if shape != wanted or not wanted[1]:
            raise InputError(
                f"Sampling alone has returns of {shape} in {name!r}, the planner with a proposal "
                f"makes it {wanted}; give the same episodes of both at every number."
            )
    rng = np.random.default_rng(seed)
    drawn = {
        name: rng.integers(len(own), size=(RESAMPLES, len(own))) for name, own in _in(assisted)
    }
    curves = np.concatenate([curve[:, drawn[name]] for name, curve in _in(alone)], axis=2).mean(2)
    goals = np.concatenate([own[drawn[name]] for name, own in _in(assisted)], axis=1).mean(1)
    spread = [_needed(counts, curve, goal) for curve, goal in zip(curves.T, goals, strict=True)]
    low, high = np.percentile(spread, [2.5, 97.5])
    goal = float(np.concatenate([own for _, own in _in(assisted)]).mean())
    whole = np.concatenate([curve for _, curve in _in(alone)], axis=1).mean(1)
    return CandidateRatio(
        ratio=_needed(counts, whole, goal),
        ci95=(float(low), float(high)),
        limits=(1.0, counts[-1] / counts[0]),
        wanted=goal,
    )


def _in(strata: Mapping[str, NDArray[np.float64]]) -> list[tuple[str, NDArray[np.float64]]]:
    return sorted(strata.items())


def _needed(counts: Sequence[int], returns: NDArray[np.float64], wanted: float) -> float:
    """Candidates for the return wanted, in units of the least; cut off at the least and most."""
    reached = np.flatnonzero(returns >= wanted)
    if not len(reached):
        return counts[-1] / counts[0]
    place = int(reached[0])
    if place == 0:
        return 1.0
    below, above = returns[place - 1], returns[place]
    share = (wanted - below) / (above - below)
    ends = np.log(counts[place - 1]), np.log(counts[place])
    return float(np.exp(ends[0] + share * (ends[1] - ends[0])) / counts[0])
