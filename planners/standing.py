"""How a proposal of a mixture has done of late: one that is beaten sits plans out."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Standing:
    """Of one proposal, in each of E systems."""

    resting: Int[Tensor, "E"]
    """Plans that it still sits out."""
    rested: Int[Tensor, "E"]
    """Plans that it was made to sit out when it last took part; 0 if it was not beaten then."""

    @classmethod
    def fresh(cls, systems: int, device: torch.device) -> "Standing":
        """Of a proposal that nothing is known of."""
        none = torch.zeros(systems, dtype=torch.long, device=device)
        return cls(none, none)

    def where(self, known: Bool[Tensor, "E"]) -> "Standing":
        """As it is in systems that are known, fresh in the others."""
        return Standing(self.resting * known, self.rested * known)

    def waited(self) -> "Standing":
        """As it is after a plan that it sat out."""
        return Standing((self.resting - 1).clamp(min=0), self.rested)

    def after(
        self,
        took_part: Bool[Tensor, "E"],
        own: Float[Tensor, "E n"],
        proposed: Float[Tensor, "E c"],
        longest: int,
    ) -> "Standing":
        """As it is after a plan that it took part in.

        The best of what was proposed meets the best of as many of the planner's own draws. One
        that is beaten sits out one plan, after the next defeat two, then four.

        Args:
            took_part: Systems that it proposed for; it sat out in the others.
            own: Ranks of the planner's own draws; the last c of them count.
            proposed: Ranks of what was proposed.
            longest: Plans that it sits out at most.
        """
        beaten = took_part.new_zeros(took_part.shape)
        if own.shape[1]:
            beaten = own[:, -proposed.shape[1] :].amax(1) > proposed.amax(1)
        rest = torch.where(beaten, (2 * self.rested).clamp(min=1).clamp(max=longest), 0)
        waited = self.waited()
        return Standing(
            torch.where(took_part, rest, waited.resting),
            torch.where(took_part, rest, waited.rested),
        )
