"""The runs of a study of generated policies: every task, method, split and seed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hyperdyn.training.demonstrations.dataset import Demonstrations
from hyperdyn.training.policies.configs import PolicyTrainConfig
from hyperdyn.training.policies.training import train_policy


@dataclass(frozen=True, kw_only=True)
class PolicyTraining:
    """A run and what it learns from."""

    config: PolicyTrainConfig
    demonstrations: Path
    """Folder that `hyperdyn collect demonstrations` wrote."""

    def train(self, folder: Path, on_step: Callable[[int], object]) -> None:
        """Train, or go on; see `train_policy`."""
        source = Demonstrations.read(self.demonstrations)
        train_policy(self.config, folder, source, resume=True, on_step=on_step)
