"""Every sampler with a space of its own, by the name of its kind."""

import torch

from hyperdyn.errors import require_known
from hyperdyn.genhyper.config import SamplerConfig
from hyperdyn.genhyper.diffusion import Diffusion
from hyperdyn.genhyper.hyplatent import HypLatent
from hyperdyn.genhyper.regression import Regression
from hyperdyn.genhyper.sampler import CodeSampler

SAMPLERS: dict[str, type[CodeSampler]] = {
    kind.kind: kind for kind in (HypLatent, Regression, Diffusion)
}


def build_sampler(kind: str, config: SamplerConfig, *, generator: torch.Generator) -> CodeSampler:
    """Make an untrained sampler.

    Args:
        kind: A key of `SAMPLERS`.
        config: Its sizes, of the class that the kind wants (its `config_type`).
        generator: Source of the initial weights.

    Raises:
        UnknownNameError: If there is no such kind; lists the valid ones.
        InputError: If the configuration is of another class.
    """
    require_known("sampler", kind, SAMPLERS)
    return SAMPLERS[kind](config, generator=generator)
