"""Every generator by the name of its kind."""

from pathlib import Path

import torch

from hyperdyn.baselines import MAML, CaDM, Direct, ExpertEnsemble, FiLM, Recurrent
from hyperdyn.ensembles import HyperDynamicsEnsemble
from hyperdyn.errors import require_known
from hyperdyn.model import DynamicsGenerator, HyperDynamics, ModelConfig, generator_folder
from hyperdyn.saved import read_any
from hyperdyn.variants import GRUHyperDynamics, NormalisedHyperDynamics

GENERATORS: dict[str, type[DynamicsGenerator]] = {
    generator.kind: generator
    for generator in (
        HyperDynamics,
        Direct,
        FiLM,
        Recurrent,
        MAML,
        ExpertEnsemble,
        CaDM,
        NormalisedHyperDynamics,
        GRUHyperDynamics,
        HyperDynamicsEnsemble,
    )
}


def build_generator(
    kind: str, config: ModelConfig, *, generator: torch.Generator
) -> DynamicsGenerator:
    """Make an untrained generator.

    Args:
        kind: A key of `GENERATORS`.
        config: Its sizes, of the class that the kind wants (its `config_type`).
        generator: Source of the initial weights.

    Raises:
        UnknownNameError: If there is no such kind; lists the valid ones.
        InputError: If the configuration is of another class.
    """
    require_known("model kind", kind, GENERATORS)
    return GENERATORS[kind](config, generator=generator)


def load_generator(name: str | Path) -> DynamicsGenerator:
    """Load a generator of whatever class was saved.

    Args:
        name: A model folder, a run folder, or the name of a pretrained generator.

    Raises:
        UnknownNameError: If it is neither; lists the pretrained names.
        CheckpointError: If the folder is damaged or holds something else.
    """
    return read_any(generator_folder(name), GENERATORS, "generators")
