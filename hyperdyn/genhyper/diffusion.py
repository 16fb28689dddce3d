"""Denoising as a sampler: Make-An-Agent's idea, over the same codes and network as the others."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hyperdyn.genhyper.averaged import Averaged
from hyperdyn.genhyper.config import DiffusionConfig, SamplerConfig
from hyperdyn.genhyper.noise import normal, uniform
from hyperdyn.genhyper.sampler import CodeSampler
from hyperdyn.genhyper.writer import CodeWriter

MOST_BETA = 0.999
OFFSET = 0.008
LONGEST_WAVE = 10_000.0


class Diffusion(CodeSampler):
    """Noise becomes a code in a few deterministic steps (DDIM; Song et al., 2021).

    The network says what the code without noise is, given one with noise, its level and the
    condition; levels have squared-cosine noise (Nichol and Dhariwal, 2021). Make-An-Agent's
    sampler, with the hour-glass in place of its convolutions over two tokens.
    """

    kind = "diffusion"
    config: DiffusionConfig
    config_type: ClassVar[type[SamplerConfig]] = DiffusionConfig

    def __init__(self, config: DiffusionConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        self.writer = Averaged(
            CodeWriter(
                config,
                read_dim=self.conditions.read_dim,
                inputs=self.space.code_dim,
                outputs=self.space.code_dim,
                extra=config.time_dim,
                generator=generator,
            )
        )
        self.register_buffer("kept", kept_shares(config.levels), persistent=False)

    kept: Tensor

    def loss(
        self,
        read: Float[Tensor, "B R"],
        weights: Float[Tensor, "B P"],
        *,
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The mean squared error of codes that were given noise of random levels.

        Args:
            read: Conditions as they are read.
            weights: Experts of these tasks, standardised.
            generator: Of levels, noise and dropout.
        """
        with torch.no_grad():
            codes = self.space.encode(weights)
        drawn = uniform((len(codes),), generator, codes)
        levels = (drawn * self.config.levels).long().clamp(max=self.config.levels - 1)
        noise = normal(tuple(codes.shape), generator, codes)
        share = self.kept[levels, None]
        noisy = share.sqrt() * codes + (1 - share).sqrt() * noise
        found = self.writer.trained(read, noisy, self._encoded(levels), dropping=generator)
        loss: Tensor = (found - codes).square().mean()
        return loss

    @property
    def noise_dim(self) -> int:
        """Z."""
        return self.space.code_dim

    def codes(
        self, conditions: Float[Tensor, "E C"], noise: Float[Tensor, "E L _"]
    ) -> Float[Tensor, "E L Z"]:
        """Start from noise and go down the levels; see `PolicySampler.codes`."""
        read = self.conditions.read(conditions).repeat_interleave(noise.shape[1], 0)
        codes = noise.flatten(0, 1)
        steps = torch.linspace(self.config.levels - 1, 0, self.config.inference_steps).round()
        levels = [int(step) for step in steps]
        for level, following in zip(levels, [*levels[1:], None], strict=True):
            at = torch.full((len(read),), level, device=read.device)
            clean: Tensor = self.writer.mean(read, codes, self._encoded(at))
            if following is None:
                codes = clean
                break
            share, lower = self.kept[level], self.kept[following]
            left = (codes - share.sqrt() * clean) / (1 - share).sqrt()
            codes = lower.sqrt() * clean + (1 - lower).sqrt() * left
        return codes.reshape(*noise.shape[:2], -1)

    def _encoded(self, levels: Int[Tensor, " B"]) -> Float[Tensor, "B T"]:
        """Sines and cosines of levels, as positions in sequences are encoded."""
        half = self.config.time_dim // 2
        rates = torch.arange(half, device=levels.device) / (half - 1)
        phases = levels[:, None] * (-math.log(LONGEST_WAVE) * rates).exp()
        return torch.cat((phases.sin(), phases.cos()), -1)


def kept_shares(levels: int) -> Float[Tensor, " T"]:
    """How much of a code's variance is left at each level: squared cosine, falling."""
    ends = torch.arange(levels + 1, dtype=torch.float64) / levels
    curve = torch.cos((ends + OFFSET) / (1 + OFFSET) * math.pi / 2).square()
    betas = (1 - curve[1:] / curve[:-1]).clamp(max=MOST_BETA)
    return (1 - betas).cumprod(0).float()
