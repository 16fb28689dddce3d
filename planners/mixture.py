"""A mixture of proposals: each has a share of the candidates, and keeps it if it earns it."""

import math
from dataclasses import dataclass

from hyperdyn.errors import InputError
from hyperdyn.planners._numbers import require_at_least, require_range
from hyperdyn.planners.proposals import Proposal


@dataclass(frozen=True)
class Share:
    """One proposal of a mixture."""

    name: str
    """What the plan calls it if it is dropped."""
    proposal: Proposal
    """Where the candidates come from."""
    share: float
    """Share of a round's candidates, above 0 and at most 1."""

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        require_range(f"The share of {self.name!r}", self.share, 0.0, 1.0, open_below=True)


@dataclass(frozen=True)
class Mixture:
    """Proposals with stated shares of the candidates; the planner's own draw is the rest.

    Candidates of all sources compete with one another. A proposal that raises an exception, or
    whose actions are not finite, loses its share for that plan to the planner's own draw (if only
    some systems' actions are not finite, for those), and `Plan.dropped` says so. One whose best
    candidate is beaten by the best of as many of the planner's own draws sits out the next plan,
    after another defeat the next two, then four, `longest_rest` at most, and has its share back
    after one that it wins: a bad one costs next to nothing. A plan knows this from the one before.
    """

    shares: tuple[Share, ...]
    """The proposals; at least one candidate each, together no more than all."""
    rounds: int | None = 1
    """First rounds of a plan that the proposals take part in; None: all of them."""
    longest_rest: int = 8
    """Most plans that a proposal sits out in a row; 0: it always takes part."""

    def __post_init__(self) -> None:
        """Refuse shares that do not add up and names that are not distinct.

        Raises:
            InputError: With the names or the sum at fault.
        """
        names = [part.name for part in self.shares]
        if not names or len(set(names)) < len(names):
            raise InputError(f"A mixture needs proposals with distinct names, got {names}.")
        total = math.fsum(part.share for part in self.shares)
        if total > 1.0 + 1e-9:
            raise InputError(
                f"The shares of a mixture add up to {total:g}; they must not exceed 1 (what is "
                "left below 1 is the planner's own)."
            )
        if self.rounds is not None:
            require_at_least("rounds", self.rounds, 1)
        require_at_least("longest_rest", self.longest_rest, 0)

    def counts(self, n: int) -> tuple[int, ...]:
        """Candidates of each proposal in a round of n: its share rounded, at least one.

        Raises:
            InputError: If n is less than the number of proposals.
        """
        if n < len(self.shares):
            raise InputError(
                f"A mixture of {len(self.shares)} proposals cannot share {n} candidates; raise "
                "samples."
            )
        counts: list[int] = []
        for index, part in enumerate(self.shares):
            room = n - sum(counts) - (len(self.shares) - 1 - index)
            counts.append(min(room, max(1, round(part.share * n))))
        return tuple(counts)
