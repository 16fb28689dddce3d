"""HypFormer: several samples of a task, refined into one policy; equations 8 to 11."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hyperdyn.errors import CheckpointError, require_known
from hyperdyn.genhyper.conditions import ConditionUnits
from hyperdyn.genhyper.config import HypFormerConfig, RefinerConfig
from hyperdyn.genhyper.noise import normal
from hyperdyn.genhyper.refiner import Refiner
from hyperdyn.genhyper.sampler import PolicySampler
from hyperdyn.genhyper.samplers import SAMPLERS, build_sampler
from hyperdyn.genhyper.space import PolicySpace
from hyperdyn.storage import from_config, read_folder


@dataclass(frozen=True, kw_only=True)
class RefiningLosses:
    """The parts of equation 11, before their weights; each is a mean over tasks and codes."""

    similarity: Float[Tensor, ""]
    """Equation 8: one less the cosine of the latent that is foretold and an expert's."""
    residual: Float[Tensor, ""]
    """Equation 9: squared error of the residue, against what that latent lacks of the expert's."""
    consistency: Float[Tensor, ""]
    """Equation 10: squared error of their sum against the expert's."""


class HypFormer(PolicySampler):
    """Draws L codes of the sampler that it refines, and makes one of them; see `Refiner`.

    Each refined policy has L samples of its own, so that refined ones differ too. Attention runs
    across the samples of one task: no task's policies depend on what else is in the batch. (The
    released predecessor attends across the batch.) Equation 9's target is taken as given: with the
    gradient of its latent too, the error that it measures would be equation 10's.

    Args:
        config: Sizes, its own and those of the sampler refined.
        generator: Source of the initial weights.

    Attributes:
        base: The sampler that is refined; it is not trained with it.
    """

    kind = "hypformer"
    config: HypFormerConfig
    config_type: ClassVar[type[HypFormerConfig]] = HypFormerConfig

    def __init__(self, config: HypFormerConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        self.base = build_sampler(config.base_kind, config.base, generator=generator)
        self.base.requires_grad_(False)
        self.refiner = Refiner(
            config.refiner,
            code_dim=self.space.code_dim,
            read_dim=self.conditions.read_dim,
            generator=generator,
        )

    @property
    def space(self) -> PolicySpace:
        """Where codes are from."""
        return self.base.space

    @property
    def conditions(self) -> ConditionUnits:
        """How conditions are read."""
        return self.base.conditions

    def losses(
        self,
        conditions: Float[Tensor, "B C"],
        weights: Float[Tensor, "B P"],
        *,
        generator: torch.Generator,
    ) -> RefiningLosses:
        """Equations 8 to 10, over fresh samples of each task.

        Args:
            conditions: Raw.
            weights: An expert of each task, standardised.
            generator: Of the samples.
        """
        with torch.no_grad():
            shape = (len(conditions), self.config.refiner.samples, self.base.noise_dim)
            codes = self.base.codes(conditions, normal(shape, generator, conditions))
            wanted = self.space.encode(weights)
        latent, residue = self.refiner(codes, self.conditions.read(conditions))
        return RefiningLosses(
            similarity=(1 - functional.cosine_similarity(latent, wanted, dim=-1)).mean(),
            residual=(residue - (wanted - latent).detach()).square().mean(),
            consistency=(latent + residue - wanted).square().mean(),
        )

    def weighted(self, losses: RefiningLosses) -> Float[Tensor, ""]:
        """Equation 11: what training lowers."""
        config = self.config.refiner
        return (
            config.similarity_weight * losses.similarity
            + config.residual_weight * losses.residual
            + config.consistency_weight * losses.consistency
        )

    @property
    def noise_dim(self) -> int:
        """That of all the samples that make a refined one."""
        return self.config.refiner.samples * self.base.noise_dim

    def codes(
        self, conditions: Float[Tensor, "E C"], noise: Float[Tensor, "E L _"]
    ) -> Float[Tensor, "E L Z"]:
        """Refine as many codes as are asked for; see `PolicySampler.codes`."""
        size, shape = self.config.refiner.samples, noise.shape[:2]
        own = noise.reshape(len(noise), shape[1] * size, self.base.noise_dim)
        codes = self.base.codes(conditions, own)
        read = self.conditions.read(conditions).repeat_interleave(shape[1], 0)
        latent, residue = self.refiner(codes.reshape(len(read), size, -1), read)
        found: Tensor = (latent + residue).unflatten(0, shape)
        return found

    @classmethod
    def read(cls, folder: Path) -> "HypFormer":
        """Rebuild what `save` wrote, equal bit for bit; see `SavedModule.read`."""
        found, tensors = read_folder(folder, cls.kind)
        if set(found) != {"base_kind", "base", "refiner"}:
            raise CheckpointError(
                f"The configuration in {folder} has the keys {', '.join(sorted(found))}; those of "
                "a HypFormer are base_kind, base and refiner. Copy the folder again."
            )
        require_known("sampler", found["base_kind"], SAMPLERS)
        config = HypFormerConfig(
            base_kind=found["base_kind"],
            base=from_config(SAMPLERS[found["base_kind"]].config_type, found["base"]),
            refiner=from_config(RefinerConfig, found["refiner"]),
        )
        sampler = cls(config, generator=torch.Generator())
        try:
            sampler.load_state_dict(tensors)
        except RuntimeError as error:
            raise CheckpointError(
                f"The tensors in {folder} do not fit its sizes: {error}"
            ) from error
        return sampler.eval()
