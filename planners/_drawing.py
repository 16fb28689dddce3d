"""Drawing a round's candidates from proposals, and doing without those that fail."""

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


@dataclass(eq=False)
class Drawing:
    """What one plan draws from its proposals, round by round."""

    dynamics: Dynamics
    start: Float[Tensor, "E S"]
    box: ActionBox
    generator: torch.Generator
    dropped: list[Dropped] = field(default_factory=list)
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
        for part, count in zip(mixture.shares, mixture.counts(end), strict=True):
            lost = self._lost.get(part.name)
            if lost is None:
                lost = torch.zeros(len(drawn), dtype=torch.bool, device=drawn.device)
            elif lost.all():
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
            own.copy_(torch.where((lost | failed)[:, None, None, None], own, proposed))
            end -= count

    def _drop(
        self, name: str, reason: str, lost: Bool[Tensor, "E"], failed: Bool[Tensor, "E"]
    ) -> None:
        systems = tuple(failed.nonzero()[:, 0].tolist())
        self.dropped.append(Dropped(name, reason, systems))
        self._lost[name] = lost | failed
