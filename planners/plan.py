"""What a planner hands back."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from hyperdyn.planners.standing import Standing


class PlanStatus(enum.Enum):
    """How planning ended for one system."""

    OK = "ok"
    """Every round ran, in time, and the plan is the best candidate seen."""
    DEADLINE = "deadline"
    """The deadline left out rounds, or the last one ran over it: the best seen until then."""
    INFEASIBLE = "infeasible"
    """Every candidate seen violates a hard constraint: the one that violates it least."""
    NO_FINITE_CANDIDATE = "no finite candidate"
    """Nothing could be ranked: the previous plan moved on one step, else zeros, within bounds."""


@dataclass(frozen=True)
class Dropped:
    """A proposal of a `Mixture` that lost its share for one plan."""

    name: str
    """Its name in the mixture."""
    reason: str
    """What went wrong."""
    systems: tuple[int, ...]
    """Systems that were planned without it."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan for each of E systems, and how it came about."""

    actions: Float[Tensor, "E H A"]
    """Actions to take, always finite and within the bounds; the first one is due now."""
    status: tuple[PlanStatus, ...]
    """How planning ended, system by system."""
    expected_return: Float[Tensor, "E"]
    """Return the model promises for the plan; minus infinity where no candidate was finite."""
    nonfinite_fraction: Float[Tensor, "E"]
    """Share of the candidates, 0 to 1, whose actions, states or return were not finite."""
    violation: Float[Tensor, "E"]
    """What the model says of how far the plan violates the hard constraints: 0 is feasible."""
    iterations: int
    """Rounds of candidates that were rolled out."""
    elapsed: float
    """Seconds that planning took."""
    slowest_round: float = 0.0
    """Seconds of its slowest round, or nine tenths of the previous plan's if that is more."""
    carried: Float[Tensor, "E K H A"] | None = None
    """Further plans, finite and within the bounds, for the next plan to start from."""
    disagreement: Float[Tensor, "E T S"] | None = None
    """Deviation of an ensemble's members along the plan, T = H + 1; None for a single model."""
    dropped: tuple[Dropped, ...] = ()
    """Proposals that raised or were not finite; the planner's own draw took their place."""
    standings: Mapping[str, Standing] = field(default_factory=dict)
    """How the proposals of a mixture stand after this plan, by name."""
