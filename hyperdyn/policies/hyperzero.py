"""HyperZero: a linear map from the encoded specification to every parameter of the policy."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.policies.config import PolicyConfig
from hyperdyn.policies.generator import ZeroShotPolicy
from hyperdyn.policies.specification import SpecificationEncoder

_FIRST, _LATER = 0.05, 0.008


class HyperZero(ZeroShotPolicy):
    """θ(c) = W φ(c) + b, W uniform within ±0.05 for the first layer and ±0.008 for the others.

    Rezaei-Shoshtari et al. (2023). This initialisation is its authors' and decides much; the code
    released with HyPoGen leaves it out for the baseline. Its policies have two layers; that the
    small range is for every layer but the first, all of which have wide inputs, is chosen here.
    """

    kind = "hyperzero"

    def __init__(self, config: PolicyConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        width, spec = config.embedding_dim, config.network
        self.encoder = SpecificationEncoder(config.condition_dim, width, generator=generator)
        self.head = nn.utils.skip_init(nn.Linear, width, spec.num_parameters)
        nn.init.zeros_(self.head.bias)
        inputs, outputs = spec.layers[0]
        first, later = self.head.weight.detach().split(
            [outputs * (inputs + 1), spec.num_parameters - outputs * (inputs + 1)]
        )
        nn.init.uniform_(first, -_FIRST, _FIRST, generator=generator)
        nn.init.uniform_(later, -_LATER, _LATER, generator=generator)

    def networks(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "E P"]:
        """All parameters of each policy."""
        parameters: Tensor = self.head(self.encoder(conditions))
        return parameters
