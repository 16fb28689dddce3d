"""PEARL: a policy told what a few transitions of the task reveal, and not its specification."""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.errors import InputError
from hyperdyn.heads import Concatenation
from hyperdyn.policies.config import PolicyConfig
from hyperdyn.policies.generated import GeneratedPolicy
from hyperdyn.policies.generator import Demonstrated, PolicyGenerator
from hyperdyn.policies.layers import linear

_LEAST_VARIANCE = 1e-7


@dataclass(frozen=True, kw_only=True)
class PEARLConfig(PolicyConfig):
    """Sizes, and the weight of the divergence; nothing of the specification's encoder is used."""

    latent_dim: int = 5
    """Width of the task variable."""
    encoder_hidden: tuple[int, ...] = (200, 200, 200)
    """Hidden widths of the context encoder."""
    context: int = 32
    """Transitions that the posterior is made of."""
    divergence_weight: float = 0.01
    """Of the divergence from the prior; HyPoGen's released code has 0.01, PEARL's 0.1."""

    def __post_init__(self) -> None:
        """Check sizes and the weight."""
        super().__post_init__()
        if min(self.latent_dim, self.context, *self.encoder_hidden) < 1:
            raise InputError(f"Sizes of a PEARL policy must be positive; got {self}.")
        if not 0 <= self.divergence_weight < float("inf"):
            raise InputError(f"divergence_weight must be at least 0; got {self.divergence_weight}.")


class PEARL(PolicyGenerator):
    """tanh(MLP([o, z])), z from the product of a Gaussian for each transition (o, a, o').

    Rakelly et al. (2019), their permutation-invariant posterior, trained here by cloning (HyPoGen,
    section 5.1, where the released code has a posterior from one pair of observation and action).
    Training draws z and asks for transitions that are not in the context; a new task's policy has
    the posterior's mean.
    """

    kind = "pearl"
    config_type = PEARLConfig
    config: PEARLConfig
    needs_support = True

    def __init__(self, config: PolicyConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        widths = (2 * config.observation_dim + config.action_dim, *self.config.encoder_hidden)
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [linear(inputs, outputs, generator), nn.ReLU()]
        latent = self.config.latent_dim
        self.encoder = nn.Sequential(*layers, linear(widths[-1], 2 * latent, generator))
        self.head = Concatenation(latent, config.network, generator=generator)

    def posterior(self, context: Demonstrated) -> tuple[Float[Tensor, "E Z"], Float[Tensor, "E Z"]]:
        """Mean and variance of each task's variable: the prior N(0, 1) times every transition's.

        Args:
            context: Of more transitions than `config.context`, that many evenly spaced.
        """
        if len(context) > self.config.context:
            places = torch.linspace(0, len(context) - 1, self.config.context).long()
            context = context.take(places)
        standardised = self.standardiser.observations
        parts = (standardised(context.observations), context.actions)
        found = self.encoder(torch.cat([*parts, standardised(context.following)], dim=-1))
        means, scales = found.chunk(2, dim=-1)
        precisions = 1 / functional.softplus(scales).clamp(min=_LEAST_VARIANCE)
        variance = 1 / (1 + precisions.sum(1))
        return variance * (precisions * means).sum(1), variance

    def loss(
        self,
        conditions: Float[Tensor, "E C"],
        shown: Demonstrated,
        *,
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The error with a drawn z, and its weighted divergence from the prior."""
        half = len(shown) // 2
        mean, variance = self.posterior(shown.take(slice(half)))
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        error = self.cloning_error(
            self.head(mean + variance.sqrt() * noise), shown.take(slice(half, None))
        )
        divergence = 0.5 * (variance + mean.square() - 1 - variance.log()).sum(1)
        return (error + self.config.divergence_weight * divergence).mean()

    @torch.no_grad()
    def generate(
        self, conditions: Float[Tensor, "E C"], support: Demonstrated | None = None
    ) -> GeneratedPolicy:
        """Write a policy for what is shown of each task; see `PolicyGenerator.generate`."""
        shown = self._shown(conditions, support)
        return self.fold(self.head(self.posterior(shown)[0]))
