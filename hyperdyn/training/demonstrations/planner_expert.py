"""An expert that plans on the true simulator, as no learner could."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.suite.base import SuiteEnv
from hyperdyn.envs.suite.true_dynamics import SuiteSimulators
from hyperdyn.errors import InputError
from hyperdyn.planners import ICEM, MPC


@dataclass(frozen=True, kw_only=True)
class PlannerSettings:
    """How the expert of a body plans.

    Raises:
        InputError: If a number is out of range.
    """

    hold: int = 4
    """Control steps that an action of a plan lasts, and that pass between two plans."""
    horizon: int = 15
    """Actions in a plan."""
    samples: int = 64
    """Candidates of the first round."""
    iterations: int = 3
    """Rounds."""
    elites: int = 8
    """Candidates the next round is drawn about."""
    noise_exponent: float = 1.0
    """Colour of the noise: 0 white, 2 a random walk."""
    initial_std: float = 0.6
    """First deviation, in half ranges of the action."""

    def __post_init__(self) -> None:
        """Refuse what no planner can work with."""
        if self.hold < 1:
            raise InputError(f"hold must be at least 1; got {self.hold}.")
        self.planner()

    def planner(self) -> ICEM:
        """The planner of these settings."""
        return ICEM(
            horizon=self.horizon,
            samples=self.samples,
            iterations=self.iterations,
            elites=self.elites,
            noise_exponent=self.noise_exponent,
            initial_std=self.initial_std,
        )


class PlannerExpert:
    """Plans with the simulators of the episodes it is in, and holds each action for a while.

    Args:
        settings: How it plans.
    """

    def __init__(self, settings: PlannerSettings) -> None:
        self._settings = settings

    def begin(self, envs: Sequence[SuiteEnv], generator: torch.Generator) -> None:
        """Take over the simulators of episodes that have just begun."""
        self._simulators = SuiteSimulators(envs, hold=self._settings.hold)
        self._controller = MPC(
            self._settings.planner(), self._simulators.objective, generator=generator
        )
        self._steps = 0

    def act(self, observations: Float[Tensor, "E O"]) -> Float[Tensor, "E A"]:
        """Plan, or go on with the action held."""
        if self._steps % self._settings.hold == 0:
            states = self._simulators.states()
            self._actions = self._controller.act(self._simulators.dynamics, states).float()
        self._steps += 1
        return self._actions
