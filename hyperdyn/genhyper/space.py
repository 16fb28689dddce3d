"""The space that samplers draw in: policies as codes, and codes as policies."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.errors import InputError
from hyperdyn.genhyper.autoencoder import PolicyAutoencoder
from hyperdyn.genhyper.config import SamplerConfig
from hyperdyn.networks import MLPSpec

CONSTANT = 1e-6
"""What deviates by less keeps its own unit."""


class WeightUnits(nn.Module):
    """Weights less their mean, in units of a layer's deviation.

    The mean is each weight's own; the unit is one for the weights of a layer and one for its
    biases, so that weights which hardly vary among experts do not count like those that do.

    Args:
        spec: Of the policies.
    """

    def __init__(self, spec: MLPSpec) -> None:
        super().__init__()
        self._lengths = [n for inputs, outputs in spec.layers for n in (inputs * outputs, outputs)]
        self.register_buffer("mean", torch.zeros(spec.num_parameters))
        self.register_buffer("unit", torch.ones(spec.num_parameters))

    mean: Tensor
    unit: Tensor

    def fit(self, policies: Float[Tensor, "n P"]) -> None:
        """Take mean and units of policies of training tasks.

        Raises:
            InputError: If there are none, or one is not finite.
        """
        if not len(policies) or not bool(torch.isfinite(policies).all()):
            raise InputError(
                f"Got {len(policies)} policies to take units of; at least one is needed, and all "
                "must be finite: drop those that diverged."
            )
        self.mean.copy_(policies.double().mean(0))
        away = (policies - self.mean).square().mean(0)
        units = [part.mean().sqrt().expand(len(part)) for part in away.split(self._lengths)]
        found = torch.cat(units)
        self.unit.copy_(torch.where(found < CONSTANT, 1.0, found))

    def standardised(self, policies: Float[Tensor, "*B P"]) -> Float[Tensor, "*B P"]:
        """Policies in these units."""
        return (policies - self.mean) / self.unit

    def raw(self, weights: Float[Tensor, "*B P"]) -> Float[Tensor, "*B P"]:
        """The inverse of `standardised`."""
        return weights * self.unit + self.mean


class PolicySpace(nn.Module):
    """Codes of policies: standardised weights, or an autoencoder's latents.

    Latents come less their mean and in units of their deviation.

    Args:
        config: Sizes, and which of the two.
        generator: Source of the initial weights.
    """

    def __init__(self, config: SamplerConfig, *, generator: torch.Generator) -> None:
        super().__init__()
        length = config.network.num_parameters
        self.units = WeightUnits(config.network)
        self.autoencoder = (
            PolicyAutoencoder(
                length, chunk=config.chunk, token_dim=config.token_dim, generator=generator
            )
            if config.latent
            else None
        )
        self.code_dim = length if self.autoencoder is None else self.autoencoder.code_dim
        """Z."""
        self.register_buffer("code_mean", torch.zeros(self.code_dim))
        self.register_buffer("code_unit", torch.ones(()))

    code_mean: Tensor
    code_unit: Tensor

    @torch.no_grad()
    def fit_codes(self, weights: Float[Tensor, "n P"]) -> None:
        """Take mean and unit of the codes of training policies, once the autoencoder is trained.

        Args:
            weights: Standardised.
        """
        self.code_mean.zero_()
        self.code_unit.fill_(1.0)
        codes = torch.cat([self.encode(part) for part in weights.split(512)])
        self.code_mean.copy_(codes.double().mean(0))
        unit = (codes - self.code_mean).square().mean().sqrt()
        self.code_unit.copy_(torch.where(unit < CONSTANT, 1.0, unit))

    def encode(self, weights: Float[Tensor, "B P"]) -> Float[Tensor, "B Z"]:
        """Codes of standardised weights."""
        found = weights if self.autoencoder is None else self.autoencoder.encode(weights)
        return (found - self.code_mean) / self.code_unit

    def decode(self, codes: Float[Tensor, "B Z"]) -> Float[Tensor, "B P"]:
        """Standardised weights of codes."""
        found = codes * self.code_unit + self.code_mean
        return found if self.autoencoder is None else self.autoencoder.decode(found)
