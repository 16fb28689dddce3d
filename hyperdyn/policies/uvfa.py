"""UVFA: a conditioned policy whose encoder must also serve a value function."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.policies.conditioned import Conditioned
from hyperdyn.policies.config import PolicyConfig
from hyperdyn.policies.generator import Demonstrated
from hyperdyn.policies.layers import two_layers


@dataclass(frozen=True, kw_only=True)
class UVFAConfig(PolicyConfig):
    """Sizes, and the weight of the value's error."""

    value_weight: float = 1.0
    """Of the value's squared error beside the actions'. In the released code 0.01, on values of up
    to 100, which is 100 in the units here."""

    def __post_init__(self) -> None:
        """Check sizes and the weight."""
        super().__post_init__()
        if not 0 <= self.value_weight < float("inf"):
            raise InputError(f"value_weight must be at least 0; got {self.value_weight}.")


class UVFA(Conditioned):
    """Cond Policy beside Q([φ, o, a]) (Schaul et al., 2015; HyPoGen, section 5.1).

    The value is supervised at what the expert did, and serves training alone. The paper has values
    from an expert's critic; here they are the demonstrations' own discounted rewards to come, which
    any expert has, a planner too.
    """

    kind = "uvfa"
    config_type = UVFAConfig
    config: UVFAConfig

    def __init__(self, config: PolicyConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        inputs = config.embedding_dim + config.observation_dim + config.action_dim
        self.value = two_layers(inputs, 256, 1, generator)

    def loss(
        self,
        conditions: Float[Tensor, "E C"],
        shown: Demonstrated,
        *,
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """Squared errors of actions and values; see `PolicyGenerator.loss`."""
        embedding = self.encoder(self.standardiser.conditions(conditions))
        known = embedding[:, None].expand(-1, len(shown), -1)
        seen = self.standardiser.observations(shown.observations)
        values = self.value(torch.cat([known, seen, shown.actions], dim=-1))[..., 0]
        value_error: Tensor = (values - shown.values).square().mean()
        error = self.cloning_error(self.head(embedding), shown).mean()
        return error + self.config.value_weight * value_error
