"""What a plan starts from, and falls back on: the plan before, moved on one step."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.planners._candidates import admit, require_shape
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.plan import Plan
from hyperdyn.planners.sampling import shifted
from hyperdyn.planners.standing import Standing


@dataclass(eq=False)
class WarmStart:
    """The previous plans of E systems, as far as there are any."""

    known: Bool[Tensor, "E"] | bool
    """Which systems have a previous plan; True: all, False: none."""
    nominal: Float[Tensor, "E H A"]
    """The previous plans moved on one step; the middle of the bounds where there is none."""
    carried: Float[Tensor, "E K H A"] | None
    """What else the previous plan hands on, not moved yet; None: nothing."""
    box: ActionBox
    """The bounds."""
    standings: Mapping[str, Standing] = field(default_factory=dict)
    """How proposals stood after the previous plan, by name."""

    @classmethod
    def of(cls, previous: Plan | Tensor | None, box: ActionBox) -> "WarmStart":
        """Lay out what to start from; a plan that is not finite counts as none.

        Raises:
            InputError: If the plan is another planner's or other systems', by its shape.
        """
        if previous is None:
            return cls(False, box.middles, None, box)
        plan = previous if isinstance(previous, Plan) else None
        given = previous if plan is None else plan.actions
        wanted = tuple(box.middles.shape)
        mend = "hand in this planner's plan for the same systems, or None (a controller: reset())"
        given = require_shape("plan got as previous", given, wanted, "E, H, A", mend).to(box.low)
        given = given.clone(memory_format=torch.contiguous_format)
        sound = admit(given[:, None], box)
        carried = None if plan is None else plan.carried
        standings = {} if plan is None else plan.standings
        moved = shifted(given)
        if sound is None:
            return cls(True, moved, carried, box, standings)
        nominal = torch.where(sound[:, :, None], moved, box.middles)
        known = sound[:, 0]
        standings = {name: standing.where(known) for name, standing in standings.items()}
        return cls(known, nominal, carried, box, standings)

    @property
    def fallback(self) -> Float[Tensor, "E H A"]:
        """What is handed out where nothing can be ranked: the previous plan moved on, else rest."""
        if isinstance(self.known, bool):
            return self.nominal if self.known else self.box.rest
        return torch.where(self.known[:, None, None], self.nominal, self.box.rest)

    def compete(self, drawn: Float[Tensor, "E N H A"]) -> int:
        """Write the previous plan and the K it carried over a round's first candidates: so many."""
        if self.known is False:
            return 0
        again = self.nominal[:, None]
        if self.carried is not None:
            E, K, H, A = self.carried.shape
            moved = shifted(self.carried.to(self.nominal).reshape(E * K, H, A))
            again = torch.cat((again, moved.reshape(E, K, H, A)), dim=1)
        again = again[:, : drawn.shape[1]]
        first = drawn[:, : again.shape[1]]
        if self.known is not True:
            again = torch.where(self.known[:, None, None, None], again, first)
        first.copy_(again)
        return again.shape[1]
