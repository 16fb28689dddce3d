"""What a round of candidates is worth, and how planners order them."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Scores:
    """What a round of candidates is worth."""

    returns: Float[Tensor, "E N"]
    """Returns; minus infinity for a candidate that is not finite."""
    violations: Float[Tensor, "E N"] | None = None
    """Violations of the hard constraints, infinite where the return is; None: there are none."""

    def ranks(self, *, infeasible: bool) -> Float[Tensor, "E N"]:
        """One number for each candidate that orders them as planners should: feasible ones first.

        Feasible candidates keep their return, and the others stand below, by their violation. In a
        system without a feasible candidate it is minus the violation.

        Args:
            infeasible: Whether infeasible candidates count beside feasible ones; if not, they are
                marked with minus infinity there.
        """
        if self.violations is None or not self.violations.any():
            return self.returns
        ranked, feasible = ~self.returns.isneginf(), self.violations == 0
        some = feasible.any(dim=1, keepdim=True)
        alone = (-self.violations).where(ranked, -math.inf)
        if not infeasible:
            return torch.where(some, self.returns.where(feasible, -math.inf), alone)
        lowest = self.returns.where(feasible, math.inf).amin(dim=1, keepdim=True)
        highest = self.returns.where(feasible, -math.inf).amax(dim=1, keepdim=True)
        # By order, not by size: no scale of violations is lost beside the returns.
        order = self.violations.where(~feasible, math.inf).argsort(dim=1).argsort(dim=1)
        gap = (highest - lowest) + 1e-3 * lowest.abs() + 1e-6
        below = lowest - gap * (1 + order / order.shape[1])
        below = below.clamp(min=torch.finfo(below.dtype).min)
        together = torch.where(feasible, self.returns, below)
        return torch.where(some, together, alone).where(ranked, -math.inf)
