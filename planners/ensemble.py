"""Planning with several models of the same systems at once, and how much they disagree."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.errors import InputError, require_known
from hyperdyn.planners._candidates import require_shape
from hyperdyn.planners._numbers import require_range

Risk = Literal["mean", "worst", "mean-minus-std"]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """M models of the same E systems, planned with jointly: each rolls every candidate out.

    A planner ranks a candidate by its returns in all members, put together as `risk` says. A
    candidate that is not finite in one member is not ranked. Under hard constraints the member that
    violates them most counts, whatever the risk.

    It is a `Dynamics` itself, whose rollout is the mean of the members': what a policy proposal is
    rolled out in. Quaternions in such a mean are not brought to unit length.
    """

    members: tuple[Dynamics, ...]
    """The models, at least two, of the same systems, state and action."""
    risk: Risk = "mean"
    """"mean" return; "worst"; or "mean-minus-std", the mean minus `k` standard deviations."""
    k: float = 1.0
    """Standard deviations (of the population) that "mean-minus-std" takes off; at least 0."""

    def __post_init__(self) -> None:
        """Refuse members that do not fit together and an unknown risk."""
        object.__setattr__(self, "members", tuple(self.members))
        if len(self.members) < 2:
            raise InputError(
                f"An ensemble needs at least two members, got {len(self.members)}; plan with a "
                "single model as it is."
            )
        sizes = [(m.num_systems, m.state_dim, m.action_dim) for m in self.members]
        for index, size in enumerate(sizes):
            if size != sizes[0]:
                raise InputError(
                    f"Member {index} of the ensemble has (E, S, A) = {size}, member 0 has "
                    f"{sizes[0]}; all must model the same systems."
                )
        require_known("risk", self.risk, get_args(Risk))
        require_range("k", self.k, 0.0)

    @property
    def num_systems(self) -> int:
        """E."""
        return self.members[0].num_systems

    @property
    def state_dim(self) -> int:
        """S."""
        return self.members[0].state_dim

    @property
    def action_dim(self) -> int:
        """A."""
        return self.members[0].action_dim

    def rollout(
        self, states: Float[Tensor, "E S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N H+1 S"]:
        """Mean over the members of what they predict.

        Raises:
            InputError: If a member returns trajectories of another shape.
        """
        E, N, H, _ = actions.shape
        wanted = (E, N, H + 1, self.state_dim)
        mend = "the given state, then the state after each action"
        total = torch.zeros((), dtype=states.dtype, device=states.device)
        for index, member in enumerate(self.members):
            what = f"The rollout of member {index} returned"
            rolled = require_shape(
                what, member.rollout(states, actions), wanted, "E, N, H+1, S", mend
            )
            total = total + rolled
        return total / len(self.members)

    def aggregate(self, returns: Float[Tensor, "M E N"]) -> Float[Tensor, "E N"]:
        """Put the returns of all members together as `risk` says.

        Returns:
            One return for each candidate; minus infinity where a member's is not finite.

        Raises:
            InputError: If there are not as many as members.
        """
        self._require_members("returns", returns)
        if self.risk == "worst":
            together = returns.amin(dim=0)
        else:
            together = returns.mean(dim=0)
            if self.risk == "mean-minus-std":
                # A norm has a gradient where all members agree; a standard deviation has none.
                spread: Tensor = torch.linalg.vector_norm(returns - together, dim=0)
                together = together - self.k / math.sqrt(len(returns)) * spread
        return torch.where(returns.isfinite().all(dim=0), together, -math.inf)

    def violations(self, violations: Float[Tensor, "M E N"]) -> Float[Tensor, "E N"]:
        """Violation of hard constraints in the member where it is worst.

        Returns:
            One violation for each candidate; not finite where a member's is not.

        Raises:
            InputError: If there are not as many as members.
        """
        self._require_members("violations", violations)
        return violations.amax(dim=0)

    def disagreement(self, states: Float[Tensor, "M E T S"]) -> Float[Tensor, "E T S"]:
        """Standard deviation (of the population) of the members' predictions of one plan.

        Args:
            states: For each member, the trajectories of the E plans; T = H + 1.

        Returns:
            Deviation of each state column at each step, in its units.

        Raises:
            InputError: If there are not as many as members.
        """
        self._require_members("states", states)
        return states.std(dim=0, correction=0)

    def _require_members(self, name: str, values: Tensor) -> None:
        if len(values) != len(self.members):
            raise InputError(
                f"{name} has {len(values)} rows, the ensemble {len(self.members)} members; stack "
                "one row for each member."
            )
