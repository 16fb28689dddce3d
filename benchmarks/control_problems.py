"""The problems of `hyperdyn bench control`: dynamics, starts, objectives, what solving means."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.envs.control import Pendulum, PointMassGap, flat_cheetah, flat_cheetah_start
from hyperdyn.planners import ControlCost, ForwardVelocity, GoalPosition, ObjectiveFunction
from hyperdyn.planners.clearance import Clearance
from hyperdyn.planners.obstacles import Box

MARGIN = 0.05
"""Clearance the point mass's plans must have, m: it is what lies between one state and the next."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlProblem:
    """Something to be done in a world whose dynamics are known."""

    name: str
    asks: str
    """What counts as solved, in words."""
    steps: int
    """Length of an episode."""
    horizon: int
    """H, actions in a plan."""
    bound: float
    """Actions lie within this, either way."""
    objective: ObjectiveFunction
    """Planned with, and what an episode's return is measured by."""
    make: Callable[[int, int], Dynamics]
    """The dynamics of E systems; the second number is that of the simulator's threads."""
    start: Callable[[int, torch.Generator], Tensor]
    """Draws where the E systems begin."""
    solved: Callable[[Tensor], Tensor]
    """Episodes [E, T, S] to whether each is solved [E]."""


def _jittered(
    states: Float[Tensor, "E S"], by: float, generator: torch.Generator
) -> Float[Tensor, "E S"]:
    return states + by * (2 * torch.rand(states.shape, generator=generator) - 1)


def _stays_up(states: Float[Tensor, "E T 2"]) -> Bool[Tensor, "E"]:
    angle = (states[:, -50:, 0] + math.pi).remainder(2 * math.pi) - math.pi
    return (angle.abs() < 0.2).all(dim=1)


def _arrives_untouched(states: Float[Tensor, "E T 4"]) -> Bool[Tensor, "E"]:
    """Nor may the straight line from one state to the next touch a box."""
    places = states[:, :, :2]
    goal = places.new_tensor(PointMassGap.goal)
    arrives = torch.linalg.vector_norm(places[:, -10:] - goal, dim=-1).amax(dim=1) < 0.15
    share = torch.linspace(0, 1, 11)[:, None, None, None]
    between = places[:, :-1] + share * places.diff(dim=1)
    untouched = (PointMassGap().clearance(between) > 0).all(dim=0).all(dim=1)
    return torch.logical_and(arrives, untouched)


def _runs(states: Float[Tensor, "E T 18"]) -> Bool[Tensor, "E"]:
    return states[:, -1, 0] - states[:, 0, 0] > 2.5


CHEETAH_STEP = 0.05  # seconds

PENDULUM = ControlProblem(
    name="pendulum",
    asks="within 0.2 rad of upright throughout the last 50 of 200 steps, from hanging",
    steps=200,
    horizon=30,
    bound=Pendulum.torque,
    objective=Pendulum().returns,
    make=lambda systems, threads: Pendulum(masses=(1.0,) * systems),
    start=lambda systems, generator: _jittered(
        Pendulum(masses=(1.0,) * systems).hanging(), 0.1, generator
    ),
    solved=_stays_up,
)
POINT_MASS = ControlProblem(
    name="point-mass",
    asks="within 0.15 m of the goal for the last 10 of 80 steps, no box ever touched",
    steps=80,
    horizon=20,
    bound=PointMassGap.force,
    objective=(
        GoalPosition(columns=(0, 1), target=PointMassGap.goal)
        + GoalPosition(columns=(2, 3), target=0.0, weights=0.1)
        + ControlCost(weight=0.01)
    ).subject_to(
        Clearance(
            columns=(0, 1),
            obstacles=tuple(
                Box(centre=centre, half_sizes=half) for centre, half in PointMassGap.boxes
            ),
            margin=MARGIN,
        )
    ),
    make=lambda systems, threads: PointMassGap(masses=(1.0,) * systems),
    start=lambda systems, generator: _jittered(
        PointMassGap(masses=(1.0,) * systems).resting(), 0.1, generator
    ),
    solved=_arrives_untouched,
)
CHEETAH = ControlProblem(
    name="cheetah",
    asks="more than 2.5 m forward in 100 steps (5 s) on flat ground",
    steps=100,
    horizon=15,
    bound=1.0,
    objective=ForwardVelocity(index=0, dt=CHEETAH_STEP) + ControlCost(weight=0.1),
    make=lambda systems, threads: flat_cheetah(frictions=(0.4,) * systems, threads=threads),
    start=flat_cheetah_start,
    solved=_runs,
)
PROBLEMS = {problem.name: problem for problem in (PENDULUM, POINT_MASS, CHEETAH)}
