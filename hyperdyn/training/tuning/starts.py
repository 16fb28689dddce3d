"""Actors to learn on from: samples of a generator, one for each task and repetition."""

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.meta import FAMILIES
from hyperdyn.genhyper import PolicySampler
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.tuning.configs import TuningConfig


def conditions_of(family: str, tasks: tuple[int, ...]) -> Float[Tensor, "E 1"]:
    """What samplers are told of published tasks: m/s or rad."""
    return torch.tensor([[FAMILIES[family].values[task]] for task in tasks])


def generated_start(sampler: PolicySampler, config: TuningConfig) -> Float[Tensor, "R P"]:
    """An actor for each row of a run; none is chosen among several."""
    generator = torch_generator(config.seed, "adaptation")
    conditions = conditions_of(config.family, config.tasks)
    actors = sampler.sample_actors(conditions, config.repeats, generator)
    return actors.transpose(0, 1).flatten(0, 1)
