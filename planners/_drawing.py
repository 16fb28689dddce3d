"""Drawing a round's candidates from proposals, and doing without those that fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.planners._candidates import finite_rows, require_shape
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.mixture import Mixture
from hyperdyn.planners.plan import Dropped
from hyperdyn.planners.proposals import Proposal
from hyperdyn.planners.standing import Standing


@dataclass(eq=False)
class Drawing:
    """What one plan draws from its proposals, round by round."""

    dynamics: Dynamics
    start: Float[Tensor, "E S"]
    box: ActionBox
    generator: torch.Generator
    before: Mapping[str, Standing]
    standings: dict[str, Standing] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    _taken: dict[str, tuple[slice, Bool[Tensor, "E"]]] = field(default_factory=dict)
    _lost: dict[str, Bool[Tensor, "E"]] = field(default_factory=dict)

    def propose(self, proposal: Proposal, n: int) -> Float[Tensor, "E n H A"]:
        """Ask a proposal for n sequences, into a new tensor.

        Raises:
            InputError: If it returns anything but a tensor of the shape asked for.
        """
        actions = proposal.propose(
            self.dynamics,
            self.start,
            n,
            horizon=self.box.horizon,
            low=self.box.low,
            high=self.box.high,
            generator=self.generator,
        )
        wanted = (self.box.systems, n, self.box.horizon, len(self.box.low))
        mend = "one sequence of H actions for each candidate of each system"
        actions = require_shape("The proposal returned", actions, wanted, "E, N, H, A", mend)
        return actions.to(self.box.low, copy=True, memory_format=torch.contiguous_format)

    def mix(self, mixture: Mixture, drawn: Float[Tensor, "E N H A"]) -> None:
        """Write the mixture's candidates over the last ones of the planner's own draw."""
        end = drawn.shape[1]
        self._taken = {}
        for part, count in zip(mixture.shares, mixture.counts(end), strict=True):
            lost = self._lost.get(part.name)
            if lost is None:
                lost = torch.zeros(len(drawn), dtype=torch.bool, device=drawn.device)
            away = lost | (self._standing(part.name).resting > 0)
            if away.all():
                continue
            own = drawn[:, end - count : end]
            try:
                proposed = self.propose(part.proposal, count)
            except Exception as error:
                self._drop(part.name, f"{type(error).__name__}: {error}", lost, ~lost)
                continue
            failed = ~finite_rows(proposed).all(dim=1) & ~lost
            if failed.any():
                self._drop(part.name, "its actions are not finite", lost, failed)
            away |= failed
            own.copy_(torch.where(away[:, None, None, None], own, proposed))
            self._taken[part.name] = (slice(end - count, end), ~away)
            end -= count

    def judge(self, mixture: Mixture, ranks: Float[Tensor, "E N"], carried: int) -> None:
        """See which proposals earned a share of the next plan in a round that was ranked.

        Args:
            mixture: Whose candidates are among those ranked.
            ranks: Of all candidates of the round.
            carried: The first ones, which the previous plan left.
        """
        if not mixture.longest_rest:
            return
        begun = min((place.start for place, _ in self._taken.values()), default=0)
        own = ranks[:, carried:begun]
        for part in mixture.shares:
            standing = self._standing(part.name)
            if part.name in self._taken:
                place, took_part = self._taken[part.name]
                longest = mixture.longest_rest
                standing = standing.after(took_part, own, ranks[:, place], longest)
            else:
                standing = standing.waited()
            self.standings[part.name] = standing

    def _standing(self, name: str) -> Standing:
        known = self.before.get(name)
        return Standing.fresh(len(self.start), self.start.device) if known is None else known

    def _drop(
        self, name: str, reason: str, lost: Bool[Tensor, "E"], failed: Bool[Tensor, "E"]
    ) -> None:
        systems = tuple(failed.nonzero()[:, 0].tolist())
        self.dropped.append(Dropped(name, reason, systems))
        self._lost[name] = lost | failed
