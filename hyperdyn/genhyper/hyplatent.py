"""HypLatent: an adversarial sampler of policies, by the paper's equations 1 to 4."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hyperdyn.genhyper.averaged import Averaged
from hyperdyn.genhyper.config import HypLatentConfig, SamplerConfig
from hyperdyn.genhyper.judge import Judge
from hyperdyn.genhyper.noise import normal, uniform
from hyperdyn.genhyper.sampler import CodeSampler
from hyperdyn.genhyper.writer import CodeWriter

SMOOTHED_REAL, SMOOTHED_WRITTEN = (0.8, 0.99), (0.01, 0.2)
"""Between which the discriminator's targets are drawn, not 1 and 0: the released code's."""


@dataclass(frozen=True, kw_only=True)
class WritingLosses:
    """Equation 2, what the generator lowers."""

    deception: Float[Tensor, ""]
    """Mean log(1 - F(Ẑ)), or -log F(Ẑ): the discriminator should take samples for experts."""
    imitation: Float[Tensor, ""]
    """Mean squared error of decoded samples against experts of their tasks, before λ."""


class HypLatent(CodeSampler):
    """Ẑ = G(condition, noise), against a discriminator F with an auxiliary head Q.

    An optimiser step moves, in this order (algorithm 1): F and the encoder by equation 3, the
    autoencoder by equation 1 with them; G and the decoder by equation 2; G, F and Q by equation 4.
    With standardised weights as codes there is no autoencoder, and equation 1 is nothing.

    Noise is an input, and modulates every block beside the condition: as an input alone it is
    unlearnt more easily.
    """

    kind = "hyplatent"
    config: HypLatentConfig
    config_type: ClassVar[type[SamplerConfig]] = HypLatentConfig

    def __init__(self, config: HypLatentConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        self.writer = Averaged(
            CodeWriter(
                config,
                read_dim=self.conditions.read_dim,
                inputs=config.noise_dim,
                outputs=self.space.code_dim,
                extra=config.noise_dim,
                generator=generator,
            )
        )
        self.judge = Judge(
            self.space.code_dim,
            widths=config.judge_widths,
            read_dim=self.conditions.read_dim,
            generator=generator,
        )

    def written(
        self, read: Float[Tensor, "B R"], generator: torch.Generator
    ) -> Float[Tensor, "B Z"]:
        """Samples of the generator in training, one for each row.

        Args:
            read: Conditions as they are read.
            generator: Of noise and dropout.
        """
        noise = normal((len(read), self.noise_dim), generator, read)
        found: Tensor = self.writer.trained(read, noise, noise, dropping=generator)
        return found

    def discrimination(
        self,
        real: Float[Tensor, "B Z"],
        written: Float[Tensor, "B Z"],
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """Equation 3, its sign turned: -log F(Z) - log(1 - F(Ẑ)), with smoothed targets.

        Args:
            real: Codes of experts.
            written: Samples.
            generator: Of the targets.
        """
        found = torch.zeros((), device=real.device)
        for codes, (low, high) in ((real, SMOOTHED_REAL), (written, SMOOTHED_WRITTEN)):
            logits = self.judge.logits(codes)
            drawn = uniform((len(logits),), generator, logits)
            targets = low + (high - low) * drawn
            found = found + functional.binary_cross_entropy_with_logits(logits, targets)
        return found

    def writing(
        self, written: Float[Tensor, "B Z"], weights: Float[Tensor, "B P"]
    ) -> WritingLosses:
        """Equation 2, its two parts.

        Args:
            written: Samples.
            weights: Experts of the same tasks, standardised.
        """
        logits = self.judge.logits(written)
        if self.config.saturating:
            deception = functional.logsigmoid(-logits).mean()
        else:
            deception = -functional.logsigmoid(logits).mean()
        imitation = (self.space.decode(written) - weights).square().mean()
        return WritingLosses(deception=deception, imitation=imitation)

    def recognition(
        self, written: Float[Tensor, "B Z"], read: Float[Tensor, "B R"]
    ) -> Float[Tensor, ""]:
        """Equation 4 before its weight: the error of the condition that Q tells from a sample."""
        return (self.judge.recognised(written) - read).square().mean()

    @property
    def noise_dim(self) -> int:
        """4, unless configured otherwise."""
        return self.config.noise_dim

    def codes(
        self, conditions: Float[Tensor, "E C"], noise: Float[Tensor, "E L _"]
    ) -> Float[Tensor, "E L Z"]:
        """Write a code for each noise; see `PolicySampler.codes`."""
        read = self.conditions.read(conditions).repeat_interleave(noise.shape[1], 0)
        rows = noise.flatten(0, 1)
        found: Tensor = self.writer.mean(read, rows, rows)
        return found.reshape(*noise.shape[:2], -1)
