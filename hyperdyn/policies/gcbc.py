"""GCBC: one policy that is told the goal, the control that Hyper-GoalNet is read against."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.networks import MLPSpec, batched_mlp, default_parameters
from hyperdyn.policies.goal_config import GoalConfig
from hyperdyn.policies.goal_policy import GoalPolicy


class GCBC(GoalPolicy):
    """a = tanh(MLP([z_g, o])), trained on the mean squared error, and any of the other losses.

    The paper's GCBC is a recurrent one with a log-likelihood, which succeeds never; this one has
    Hyper-GoalNet's encoders, inputs and loss, and with `matched_gcbc` its number of parameters.
    """

    kind = "gcbc"

    def __init__(self, config: GoalConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        widths = (config.latent_dim + config.input_dim, *config.hidden, config.action_dim)
        self.spec = MLPSpec(sizes=widths)
        self.shared = torch.nn.Parameter(default_parameters(self.spec, generator))

    def networks(
        self, goals: Float[Tensor, "E Z"], current: Float[Tensor, "E Z"]
    ) -> Float[Tensor, "E P"]:
        """The goals' latents: the network is one, and they are all that it is told."""
        return goals

    def actions(
        self, networks: Float[Tensor, "E P"], inputs: Float[Tensor, "E M I"]
    ) -> Float[Tensor, "E M A"]:
        """Actions of the one policy, for each goal."""
        goals = networks[:, None].expand(-1, inputs.shape[1], -1)
        rows = torch.cat([goals, inputs], dim=-1).flatten(0, 1)
        found = batched_mlp(self.spec, self.shared[None], rows[None])[0]
        actions: Tensor = torch.tanh(found).unflatten(0, inputs.shape[:2])
        return actions


def matched_gcbc(config: GoalConfig, parameters: int) -> GoalConfig:
    """A GCBC's sizes with two hidden layers so wide that its network has about as many parameters.

    Args:
        config: Everything but the hidden widths.
        parameters: What the hypernetwork that it stands beside has.
    """
    # w (I + Z + 1) + w (w + 1) + A (w + 1) = P
    linear = config.latent_dim + config.input_dim + config.action_dim + 2
    free = parameters - config.action_dim
    width = max(1, round((math.sqrt(linear**2 + 4 * free) - linear) / 2))
    shared = {name: getattr(config, name) for name in GoalConfig.__dataclass_fields__}
    return GoalConfig(**{**shared, "hidden": (width, width)})
