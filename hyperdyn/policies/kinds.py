"""Every policy generator by the name of its kind."""

from pathlib import Path

import torch

from hyperdyn.errors import require_known
from hyperdyn.policies.conditioned import Conditioned
from hyperdyn.policies.config import PolicyConfig
from hyperdyn.policies.generator import PolicyGenerator, policy_folder
from hyperdyn.policies.hyperzero import HyperZero
from hyperdyn.policies.hypogen import HyPoGenLatent, HyPoGenRaw
from hyperdyn.policies.meta import MetaPolicy
from hyperdyn.policies.pearl import PEARL
from hyperdyn.policies.uvfa import UVFA
from hyperdyn.saved import read_any

POLICIES: dict[str, type[PolicyGenerator]] = {
    kind.kind: kind
    for kind in (Conditioned, UVFA, MetaPolicy, PEARL, HyperZero, HyPoGenRaw, HyPoGenLatent)
}


def build_policy_generator(
    kind: str, config: PolicyConfig, *, generator: torch.Generator
) -> PolicyGenerator:
    """Make an untrained generator.

    Args:
        kind: A key of `POLICIES`.
        config: Its sizes, of the class that the kind wants (its `config_type`).
        generator: Source of the initial weights.

    Raises:
        UnknownNameError: If there is no such kind; lists the valid ones.
        InputError: If the configuration is of another class.
    """
    require_known("policy generator", kind, POLICIES)
    return POLICIES[kind](config, generator=generator)


def load_policy_generator(folder: str | Path) -> PolicyGenerator:
    """Load a generator of whatever class was saved.

    Args:
        folder: A model folder, or a run folder of `hyperdyn train policy`.

    Raises:
        CheckpointError: If the folder is missing, damaged or holds something else.
    """
    return read_any(policy_folder(folder), POLICIES, "policy generators")
