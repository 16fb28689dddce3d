"""Every policy for goals by the name of its kind."""

from pathlib import Path

import torch

from hyperdyn.errors import require_known
from hyperdyn.policies.gcbc import GCBC
from hyperdyn.policies.generator import policy_folder
from hyperdyn.policies.goal_config import GoalConfig
from hyperdyn.policies.goal_policy import GoalPolicy
from hyperdyn.policies.goalnet import GoalNet
from hyperdyn.saved import read_any

GOAL_POLICIES: dict[str, type[GoalPolicy]] = {kind.kind: kind for kind in (GoalNet, GCBC)}


def build_goal_policy(kind: str, config: GoalConfig, *, generator: torch.Generator) -> GoalPolicy:
    """Make an untrained policy.

    Args:
        kind: A key of `GOAL_POLICIES`.
        config: Its sizes, of the class that the kind wants (its `config_type`).
        generator: Source of the initial weights.

    Raises:
        UnknownNameError: If there is no such kind; lists the valid ones.
        InputError: If the configuration is of another class.
    """
    require_known("policy for goals", kind, GOAL_POLICIES)
    return GOAL_POLICIES[kind](config, generator=generator)


def load_goal_policy(folder: str | Path) -> GoalPolicy:
    """Load a policy of whatever class was saved.

    Args:
        folder: A model folder, or a run folder of `hyperdyn train goalnet`.

    Raises:
        CheckpointError: If the folder is missing, damaged or holds something else.
    """
    return read_any(policy_folder(folder), GOAL_POLICIES, "policies for goals")
