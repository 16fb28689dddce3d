"""A policy as a proposal: rolled out inside the model that is planned with."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics, SteppingDynamics
from hyperdyn.errors import InputError
from hyperdyn.planners._candidates import require_shape
from hyperdyn.planners._numbers import Numbers, as_row, each, numbers

Policy = Callable[[Tensor], Tensor]
"""States [E, n, S] -> actions [E, n, A]."""


@dataclass(frozen=True)
class PolicyProposal:
    """What a policy would do in the model, step by step, with Gaussian noise to explore about it.

    The first sequence is the policy's own, without noise. Actions are clipped into the bounds
    before the model sees them. Dynamics that can `advance` many states at once, generated ones and
    simulators, take n·(H - 1) model steps; any other starts all candidates of a system from one
    state, so that the sequences are rolled out anew at each step, n·H·(H - 1)/2 steps in all.
    """

    policy: Policy
    """Any callable from states [E, n, S] to actions [E, n, A], in the units of the dynamics."""
    std: Numbers = 0.1
    """Deviation of the noise in half ranges of the bounds, for all dimensions or for each."""

    def __post_init__(self) -> None:
        """Read the deviation and refuse a negative one."""
        object.__setattr__(self, "std", numbers("std", self.std))
        if min(each(self.std)) < 0:
            raise InputError(f"std must not be negative, got {self.std!r}.")

    def propose(
        self,
        dynamics: Dynamics,
        state: Float[Tensor, "E S"],
        n: int,
        *,
        horizon: int,
        low: Float[Tensor, "A"],
        high: Float[Tensor, "A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "E n H A"]:
        """Propose `n` sequences for each system; see `Proposal.propose`.

        Raises:
            InputError: If the policy returns anything but a tensor [E, n, A].
        """
        E, A = len(state), len(low)
        std = (high - low) / 2 * as_row("std", self.std, A, low)
        noise = std * torch.randn(
            (E, n, horizon, A), generator=generator, dtype=low.dtype, device=low.device
        )
        noise[:, 0] = 0.0
        actions = torch.empty_like(noise)
        states = state[:, None].expand(-1, n, -1)
        for step in range(horizon):
            chosen = self.policy(states)
            mend = "one action for each state"
            chosen = require_shape("The policy returned", chosen, (E, n, A), "E, n, A", mend)
            actions[:, :, step] = (chosen.to(low) + noise[:, :, step]).clamp(low, high)
            if step + 1 == horizon:
                break
            if isinstance(dynamics, SteppingDynamics) and dynamics.can_advance:
                states = dynamics.advance(states, actions[:, :, step])
            else:
                states = dynamics.rollout(state, actions[:, :, : step + 1])[:, :, -1]
        return actions
