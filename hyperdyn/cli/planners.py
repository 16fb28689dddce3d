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


DEFAULT_PLANNER = "random-shooting"
PLANNERS: dict[str, type[RandomShooting | CEM]] = {"random-shooting": RandomShooting, "cem": CEM}
PlannerChoice = (
    Annotated[RandomShooting, tyro.conf.subcommand("random-shooting")]
    | Annotated[CEM, tyro.conf.subcommand("cem")]
)
