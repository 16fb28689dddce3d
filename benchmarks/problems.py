"""What every contestant gets: one generated model, one objective, the same candidates."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.benchmarks.workloads import Workload
from hyperdyn.dynamics import GeneratedDynamics
from hyperdyn.networks import default_parameters, join_parameters, split_parameters
from hyperdyn.planners import ControlCost, ForwardVelocity, GoalPosition, Objective
from hyperdyn.states import Field, StateSpace

CONTROL = 0.05
CHANGE = 0.05  # scale of a model's last layer, so that states stay near where they start


class Reward(ABC):
    """An objective, and what of it a library needs that adds rewards up step by step.

    The reward of step t is `of_states(s[t], s[t+1])` minus CONTROL times the squared action.
    """

    telescopes: bool
    """Whether the parts of states add up to `of_states(s[0], s[H])`."""

    @property
    @abstractmethod
    def objective(self) -> Objective:
        """The package's own objective, with the same returns."""

    @abstractmethod
    def of_states(
        self, before: Float[Tensor, "*#rows S"], after: Float[Tensor, "*#rows S"]
    ) -> Float[Tensor, "*#rows"]:
        """The part of a step's reward that the states make."""


@dataclass(frozen=True)
class Locomotion(Reward):
    """Distance covered over the seconds of a step, less the cost of control."""

    column: int
    """Column that holds the position along the track."""
    dt: float = 0.01
    telescopes = True

    @property
    def objective(self) -> Objective:
        """Forward velocity and control cost."""
        return ForwardVelocity(index=self.column, dt=self.dt) + ControlCost(weight=CONTROL)

    def of_states(
        self, before: Float[Tensor, "*#rows S"], after: Float[Tensor, "*#rows S"]
    ) -> Float[Tensor, "*#rows"]:
        """Velocity."""
        return (after[..., self.column] - before[..., self.column]) / self.dt


@dataclass(frozen=True)
class Pushing(Reward):
    """Nearness of three columns to a goal after every step, less the cost of control."""

    goal: float = 0.5
    telescopes = False

    @property
    def objective(self) -> Objective:
        """Goal position and control cost."""
        return GoalPosition(columns=(0, 1, 2), target=self.goal) + ControlCost(weight=CONTROL)

    def of_states(
        self, before: Float[Tensor, "*#rows S"], after: Float[Tensor, "*#rows S"]
    ) -> Float[Tensor, "*#rows"]:
        """Minus the squared distance."""
        return -(after[..., :3] - self.goal).square().sum(dim=-1)


@dataclass(frozen=True, eq=False)
class Problem:
    """A workload made concrete."""

    workload: Workload
    dynamics: GeneratedDynamics
    """E models."""
    states: Float[Tensor, "E S"]
    """Where the systems stand."""
    candidates: Float[Tensor, "E N H A"]
    """What rollouts are timed on, and what every library must score as we do."""
    reward: Reward

    @property
    def device(self) -> torch.device:
        """Where everything stands."""
        return self.states.device

    def system(self, index: int) -> "Problem":
        """One system alone, for libraries that plan for one at a time."""
        rows = slice(index, index + 1)
        return replace(
            self,
            workload=replace(self.workload, systems=1),
            dynamics=self.dynamics[index],
            states=self.states[rows],
            candidates=self.candidates[rows],
        )


def make_problem(
    workload: Workload, generator: torch.Generator, device: torch.device | str = "cpu"
) -> Problem:
    """Draw models, states and candidates in [-1, 1] for a workload.

    Args:
        workload: Sizes.
        generator: Source of randomness, on the CPU.
        device: Where to put them.
    """
    spec, E = workload.network, workload.systems
    layers = split_parameters(
        spec, torch.stack([default_parameters(spec, generator) for _ in range(E)])
    )
    layers[-1] = (CHANGE * layers[-1][0], CHANGE * layers[-1][1])
    space = StateSpace((Field(name="state", size=workload.state),))
    states = torch.randn(E, workload.state, generator=generator)
    shape = (E, workload.candidates, workload.horizon, workload.action)
    candidates = 2 * torch.rand(shape, generator=generator) - 1
    locomotion = workload.task == "locomotion"
    return Problem(
        workload,
        GeneratedDynamics(spec, space, join_parameters(layers).to(device)),
        states.to(device),
        candidates.to(device),
        Locomotion(column=workload.state - 1) if locomotion else Pushing(),
    )
