"""Samplers of every kind, HypFormer among them, out of folders."""

from pathlib import Path

from hyperdyn.genhyper.hypformer import HypFormer
from hyperdyn.genhyper.sampler import PolicySampler
from hyperdyn.genhyper.samplers import SAMPLERS
from hyperdyn.policies.generator import policy_folder
from hyperdyn.saved import read_any

KINDS: dict[str, type[PolicySampler]] = {**SAMPLERS, HypFormer.kind: HypFormer}


def load_sampler(folder: str | Path) -> PolicySampler:
    """Load a sampler of whatever class was saved.

    Args:
        folder: A model folder, or a run folder of `hyperdyn train genhyper`.

    Raises:
        CheckpointError: If the folder is missing, damaged or holds something else.
    """
    return read_any(policy_folder(folder), KINDS, "samplers of policies")
