"""Cond Policy: one shared policy that takes the encoded specification as a further input."""

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.heads import Concatenation
from hyperdyn.policies.config import PolicyConfig
from hyperdyn.policies.generator import ZeroShotPolicy
from hyperdyn.policies.specification import SpecificationEncoder


class Conditioned(ZeroShotPolicy):
    """tanh(MLP([o, φ])) (HyPoGen, section 5.1, its first baseline).

    φ reaches the first layer only, so the policy of a task is the shared one with another first
    bias. Open, and chosen here: torch's default initial weights; the released code draws orthogonal
    ones, the specification encoder's too, which overrides those it shares with the other methods.
    """

    kind = "conditioned"

    def __init__(self, config: PolicyConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        width = config.embedding_dim
        self.encoder = SpecificationEncoder(config.condition_dim, width, generator=generator)
        self.head = Concatenation(width, config.network, generator=generator)

    def networks(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "E P"]:
        """The shared policy, its first bias shifted by φ."""
        parameters: Tensor = self.head(self.encoder(conditions))
        return parameters
