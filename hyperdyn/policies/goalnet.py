"""Hyper-GoalNet: a goal, and what is seen now, write the weights of the policy that goes there."""

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.networks import batched_mlp
from hyperdyn.policies.goal_config import GoalConfig, GoalNetConfig
from hyperdyn.policies.goal_policy import GoalPolicy
from hyperdyn.policies.hypogen import HyPoGenLatent, HyPoGenRaw

_FORMS = {"raw": HyPoGenRaw, "latent": HyPoGenLatent}


class GoalNet(GoalPolicy):
    """a = tanh(MLP(o; H(z_g, z))), H a HyPoGen of latents (Hyper-GoalNet, NeurIPS 2025).

    The policy itself is not shown the goal. Open in what is public, and chosen here: the widths,
    and small convolutions for the pretrained encoder of pictures.
    """

    kind = "goalnet"
    config_type = GoalNetConfig
    config: GoalNetConfig

    def __init__(self, config: GoalConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        form = _FORMS[self.config.form]
        self.hypernetwork = form(self.config.hypernetwork, generator=generator)

    def networks(
        self, goals: Float[Tensor, "E Z"], current: Float[Tensor, "E Z"]
    ) -> Float[Tensor, "E P"]:
        """The weights of each policy."""
        condition = torch.cat([goals, current], dim=-1) if self.config.sees_current else goals
        return self.hypernetwork.networks(condition)

    def actions(
        self, networks: Float[Tensor, "E P"], inputs: Float[Tensor, "E M I"]
    ) -> Float[Tensor, "E M A"]:
        """Actions of the generated policies."""
        return torch.tanh(batched_mlp(self.config.network, networks, inputs))
