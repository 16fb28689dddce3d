"""What every expert can do, and which planner settings belong to which task."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.suite.base import SuiteEnv
from hyperdyn.training.demonstrations.planner_expert import PlannerSettings

PLANNERS = {
    "cheetah": PlannerSettings(),
    "walker": PlannerSettings(horizon=10, initial_std=1.0),
    "finger": PlannerSettings(hold=1, horizon=20, initial_std=1.0),
}
"""Settings by body."""


@runtime_checkable
class Expert(Protocol):
    """Acts in E episodes in lockstep, and may know all about them."""

    def begin(self, envs: Sequence[SuiteEnv], generator: torch.Generator) -> None:
        """Take over episodes that have just begun.

        Args:
            envs: Unwrapped, each reset to its specification.
            generator: Of every random number.
        """

    def act(self, observations: Float[Tensor, "E O"]) -> Float[Tensor, "E A"]:
        """Choose an action for each episode."""
