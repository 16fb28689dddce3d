"""Planner settings as the command line shows them.

They mirror the planners' own settings, since importing those would load torch, and `--help` would
take seconds. The bounds are left out: they are the environment's.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from hyperdyn.planners import Planner, Proposal

PREFIX = "planner:"


@dataclass(frozen=True, kw_only=True)
class RandomShooting:
    """Random shooting, the paper's planner: draw action sequences, roll them out, take the best."""

    horizon: int = 20
    """Actions in a plan."""
    samples: int = 500
    """Candidate sequences."""
    hold: int = 1
    """Steps each drawn action is held for."""
    keep_previous: bool = False
    """Whether the previous plan, moved on one step, is one of the candidates."""
    threads: int | None = 1
    """Threads torch plans with; None leaves its setting alone."""

    def build(self) -> "tuple[Planner[Any], Proposal | None]":
        """The planner, and where its candidates come from (None: its own draw).

        Raises:
            InputError: If a setting is out of range.
        """
        from hyperdyn import planners

        settings = {k: v for k, v in vars(self).items() if k != "hold"}
        return planners.RandomShooting(**settings), planners.Uniform(hold=self.hold)


@dataclass(frozen=True, kw_only=True)
class CEM:
    """The cross-entropy method: draw from a Gaussian, fit it to the best, draw again."""

    horizon: int = 20
    """Actions in a plan."""
    samples: int = 500
    """Candidate sequences a round."""
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
    threads: int | None = 1
    """Threads torch plans with; None leaves its setting alone."""

    def build(self) -> "tuple[Planner[Any], Proposal | None]":
        """The planner, and where its candidates come from (None: its own draw).

        Raises:
            InputError: If a setting is out of range.
        """
        from hyperdyn import planners

        return planners.CEM(**vars(self)), None


@dataclass(frozen=True, kw_only=True)
class ICEM:
    """iCEM: CEM with coloured noise, elites that compete again, and rounds that shrink."""

    horizon: int = 20
    """Actions in a plan."""
    samples: int = 500
    """Candidate sequences of the first round."""
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
    noise_exponent: float = 1.0
    """The noise has a power spectrum of 1/frequency^exponent; 0 is white."""
    kept_share: float = 0.3
    """Share of the elites that compete again in the next round and the next plan."""
    shrinking: float = 1.25
    """Each round has this many times fewer candidates, but at least twice the elites."""
    keep_previous: bool = True
    """Whether the previous plan and its elites, moved on one step, compete in the first round."""
    threads: int | None = 1
    """Threads torch plans with; None leaves its setting alone."""

    def build(self) -> "tuple[Planner[Any], Proposal | None]":
        """The planner, and where its candidates come from (None: its own draw).

        Raises:
            InputError: If a setting is out of range.
        """
        from hyperdyn import planners

        return planners.ICEM(**vars(self)), None


@dataclass(frozen=True, kw_only=True)
class MPPI:
    """MPPI: average the candidates, each weighted by the exponential of its return."""

    horizon: int = 20
    """Actions in a plan."""
    samples: int = 500
    """Candidate sequences a round."""
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
    threads: int | None = 1
    """Threads torch plans with; None leaves its setting alone."""

    def build(self) -> "tuple[Planner[Any], Proposal | None]":
        """The planner, and where its candidates come from (None: its own draw).

        Raises:
            InputError: If a setting is out of range.
        """
        from hyperdyn import planners

        return planners.MPPI(**vars(self)), None


DEFAULT_PLANNER = "random-shooting"
PlannerSettings = RandomShooting | CEM | ICEM | MPPI
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
