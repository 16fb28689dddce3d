"""Planner settings as the command line shows them.

They mirror the planners' own settings, since importing those would load torch, and `--help` would
take seconds. The bounds are left out: they are the environment's.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

if TYPE_CHECKING:
    from hyperdyn.planners import Planner, Proposal

PREFIX = "planner:"


@dataclass(frozen=True, kw_only=True)
class PlannerSettings:
    """What all planners take."""

    kind: ClassVar[str]
    """The planner's class in `hyperdyn.planners`."""

    horizon: int = 20
    """Actions in a plan."""
    samples: int = 500
    """Candidate sequences (of the first round)."""
    warm_start: bool = True
    """Whether a plan begins about the one before, moved on one step; over a learnt model a cold
    start may return more."""
    refine: int = 0
    """Steps of gradient ascent from the best candidates of the last round; 0: none."""
    threads: int | None = 1
    """Threads torch plans with; None leaves its setting alone."""

    def build(self) -> "tuple[Planner[Any], Proposal | None]":
        """The planner, and where its candidates come from (None: its own draw).

        Raises:
            InputError: If a setting is out of range.
        """
        from hyperdyn import planners

        settings = dict(vars(self))
        steps, hold = settings.pop("refine"), settings.pop("hold", None)
        refinement = planners.GradientRefinement(steps=steps) if steps else None
        planner = getattr(planners, self.kind)(**settings, refinement=refinement)
        return planner, None if hold is None else planners.Uniform(hold=hold)


@dataclass(frozen=True, kw_only=True)
class RandomShooting(PlannerSettings):
    """Random shooting, the paper's planner: draw action sequences, roll them out, take the best."""

    kind = "RandomShooting"
    hold: int = 1
    """Steps each drawn action is held for."""
    keep_previous: bool = False
    """Whether the previous plan, moved on one step, is one of the candidates."""


@dataclass(frozen=True, kw_only=True)
class CEM(PlannerSettings):
    """The cross-entropy method: draw from a Gaussian, fit it to the best, draw again."""

    kind = "CEM"
    iterations: int = 5
    """Rounds."""
    elites: int = 50
    """Candidates the Gaussian is fitted to."""
    smoothing: float = 0.1
    """Share of the old mean and deviation kept in a round."""
    initial_std: float = 0.5
    """First standard deviation, in half ranges of the bounds."""
    minimum_std: float = 0.02
    """Least standard deviation, in half ranges of the bounds."""
    keep_previous: bool = True
    """Whether the previous plan, moved on one step, is one of the first round's candidates."""


@dataclass(frozen=True, kw_only=True)
class ICEM(CEM):
    """iCEM: CEM with coloured noise, elites that compete again, and rounds that shrink."""

    kind = "ICEM"
    noise_exponent: float = 1.0
    """The noise has a power spectrum of 1/frequency^exponent; 0 is white."""
    kept_share: float = 0.3
    """Share of the elites that compete again in the next round and the next plan."""
    shrinking: float = 1.25
    """Each round has this many times fewer candidates, but at least twice the elites."""


@dataclass(frozen=True, kw_only=True)
class MPPI(PlannerSettings):
    """MPPI: average the candidates, each weighted by the exponential of its return."""

    kind = "MPPI"
    iterations: int = 1
    """Rounds."""
    std: float = 0.5
    """Standard deviation of the noise, in half ranges of the bounds."""
    temperature: float | None = None
    """Temperature, in units of the return; None adapts it to the effective share."""
    effective_share: float = 0.1
    """Effective share of the candidates that the temperature is adapted to."""
    window: int = 1
    """Steps of the moving average that smooths the plan in time, odd; 1 smooths nothing."""
    keep_previous: bool = True
    """Whether the previous plan, moved on one step, is one of the first round's candidates."""


DEFAULT_PLANNER = "random-shooting"
PLANNERS: dict[str, type[PlannerSettings]] = {
    "random-shooting": RandomShooting,
    "cem": CEM,
    "icem": ICEM,
    "mppi": MPPI,
}
PlannerChoice = (
    Annotated[RandomShooting, tyro.conf.subcommand("random-shooting")]
    | Annotated[CEM, tyro.conf.subcommand("cem")]
    | Annotated[ICEM, tyro.conf.subcommand("icem")]
    | Annotated[MPPI, tyro.conf.subcommand("mppi")]
)
