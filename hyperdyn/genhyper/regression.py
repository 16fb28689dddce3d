"""The plain one: a condition becomes one policy, by least squares."""

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.genhyper.averaged import Averaged
from hyperdyn.genhyper.config import SamplerConfig
from hyperdyn.genhyper.sampler import CodeSampler
from hyperdyn.genhyper.writer import CodeWriter


class Regression(CodeSampler):
    """code = hour-glass(condition): no noise, so all samples of a task are one policy.

    What an adversarial sampler must be better than: the same space, network, data and steps.
    """

    kind = "regression"

    def __init__(self, config: SamplerConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        self.writer = Averaged(
            CodeWriter(
                config,
                read_dim=self.conditions.read_dim,
                inputs=0,
                outputs=self.space.code_dim,
                generator=generator,
            )
        )

    def loss(
        self,
        read: Float[Tensor, "B R"],
        weights: Float[Tensor, "B P"],
        *,
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The mean squared error of codes.

        Args:
            read: Conditions as they are read.
            weights: Experts of these tasks, standardised.
            generator: Of dropout.
        """
        with torch.no_grad():
            codes = self.space.encode(weights)
        found = self.writer.trained(read, dropping=generator)
        loss: Tensor = (found - codes).square().mean()
        return loss

    @property
    def noise_dim(self) -> int:
        """0."""
        return 0

    def codes(
        self, conditions: Float[Tensor, "E C"], noise: Float[Tensor, "E L _"]
    ) -> Float[Tensor, "E L Z"]:
        """One code for each task, L times; see `PolicySampler.codes`."""
        found: Tensor = self.writer.mean(self.conditions.read(conditions))
        return found[:, None].expand(-1, noise.shape[1], -1)
