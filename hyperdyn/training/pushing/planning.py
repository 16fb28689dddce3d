"""How pushes are planned: a planner, where its candidates come from, and what it maximises."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.envs.pushing.base import MAX_PUSH
from hyperdyn.envs.pushing.world import ROD_LIMIT
from hyperdyn.errors import InputError
from hyperdyn.planners import (
    CEM,
    ICEM,
    MPC,
    MPPI,
    Ensemble,
    Objective,
    Planner,
    Proposal,
    RandomShooting,
)
from hyperdyn.training.pushing.objectives import ReachGoal, Safety
from hyperdyn.training.pushing.proposals import ApproachAndPush, RandomPushes
from hyperdyn.training.pushing.surroundings import ROD, Surroundings, Way
from hyperdyn.training.pushing.touch import Stepping, StillUntouched
from hyperdyn.training.pushing.wrapped import Wrapped

TASKS = {"free": "hyperdyn/Push-v0", "obstacles": "hyperdyn/PushObstacles-v0"}
"""The two tasks, and their environments."""


@dataclass(frozen=True, kw_only=True)
class PushPlanning:
    """One way of planning pushes."""

    planner: Planner[Any]
    """What plans."""
    candidates: Literal["data", "approach"]
    """Where its (first) candidates come from: pushes as the data were collected (`RandomPushes`),
    or rides round the object and pushes from behind it (`ApproachAndPush`)."""
    distance: Literal["straight", "way"]
    """What is left to the goal: as the crow flies, or the way around the obstacles."""
    clearance: Literal["boxes", "outlines"]
    """What obstacles and the object are taken for: their detected boxes, or a grid of signed
    distances and an outline, from the decoded top-down views."""
    margin: float = 0.01
    """Room wanted between the object and obstacles, m."""
    growth: float = 0.8
    """More of it for each metre that a push moves the object."""
    edge: float = 0.02
    """Room wanted between the object's position and the table's edge, m."""
    within: float = 0.03
    """Distance at which a plan counts the goal as reached, m."""
    look: Literal["once", "always"] = "once"
    """Whether depth images are taken after each push too, by the same camera: what the arm hid at
    first comes to light (`looked_again`)."""
    models: int = 1
    """How many models, trained from different seeds, foretell a plan: its return is their mean, the
    room that lacks that of the one where most lacks (`Ensemble`)."""
    touch: bool = False
    """Whether an object at rest that the rod does not come near stays where it is
    (`StillUntouched`), whatever the model says."""


_BOUNDS: dict[str, Any] = {"low": (-1.0, -1.0, 0.0), "high": (1.0, 1.0, 0.0)}
_PAPER = PushPlanning(
    planner=RandomShooting(horizon=10, samples=30, **_BOUNDS),
    candidates="data",
    distance="straight",
    clearance="boxes",
)
_ICEM = PushPlanning(
    planner=ICEM(
        horizon=10, samples=100, iterations=3, elites=10, initial_std=(0.3, 0.3, 1.0), **_BOUNDS
    ),
    candidates="approach",
    distance="way",
    clearance="outlines",
    look="always",
    touch=True,
)

PRESETS: dict[str, dict[str, PushPlanning]] = {
    "paper": {
        "free": replace(_PAPER, planner=replace(_PAPER.planner, horizon=1)),
        "obstacles": _PAPER,
    },
    "shooting": {
        task: replace(
            _ICEM, planner=RandomShooting(horizon=10, samples=300, keep_previous=True, **_BOUNDS)
        )
        for task in TASKS
    },
    "cem": {
        task: replace(
            _ICEM,
            planner=CEM(
                horizon=10, samples=100, iterations=3, elites=10, initial_std=0.3, **_BOUNDS
            ),
        )
        for task in TASKS
    },
    "icem": {task: _ICEM for task in TASKS},
    "icem-three": {task: replace(_ICEM, models=3) for task in TASKS},
    "mppi": {
        task: replace(
            _ICEM, planner=MPPI(horizon=10, samples=100, iterations=3, std=0.2, **_BOUNDS)
        )
        for task in TASKS
    },
}
"""Ways of planning by name, for each task. "paper": 30 sequences of one push on a free table, of
ten among obstacles (HyperDynamics, appendix A.1); the others plan ten pushes ahead on both,
"icem-three" with three models."""

ALONE = tuple(name for name, ways in PRESETS.items() if ways["free"].models == 1)
"""Those that plan with one model."""


def problem(
    planning: PushPlanning, surroundings: Surroundings, goal: tuple[float, float]
) -> tuple[Objective, Proposal]:
    """What to maximise, and where candidates come from.

    Args:
        planning: The way of planning.
        surroundings: The object and the obstacles as they were seen.
        goal: x and y, m.
    """
    needed = planning.candidates == "approach" or planning.distance == "way"
    room = {"margin": planning.margin, "growth": planning.growth, "edge": planning.edge}
    way = Way(surroundings, goal, **room) if needed else None
    reach = ReachGoal(
        goal=goal, way=way if planning.distance == "way" else None, within=planning.within
    )
    safety = Safety(
        surroundings=surroundings,
        goal=goal,
        within=planning.within,
        **room,
    )
    objective = reach.subject_to(safety)
    if way is None or planning.candidates == "data":
        return objective, RandomPushes(half_sizes=surroundings.half_sizes)
    return objective, ApproachAndPush(way=way, radius=surroundings.mean_radius)


def controller(
    planning: PushPlanning,
    surroundings: Surroundings,
    goal: tuple[float, float],
    generator: torch.Generator,
) -> MPC:
    """What chooses the pushes of one episode; plan with dynamics that are `Shortened`."""
    objective, proposal = problem(planning, surroundings, goal)
    return MPC(planning.planner, objective, proposal, generator=generator)


def planned_with(
    planning: PushPlanning, dynamics: Dynamics, surroundings: Surroundings
) -> Dynamics:
    """The dynamics that a way of planning plans with.

    Args:
        planning: The way of planning.
        dynamics: As a model foretells them, or several together.
        surroundings: The object as it was seen.

    Raises:
        InputError: If it plans with more models, or with fewer.
    """
    members = dynamics.members if isinstance(dynamics, Ensemble) else (dynamics,)
    if len(members) != planning.models:
        raise InputError(
            f"This way of planning pushes takes {planning.models} models, got {len(members)}; "
            "name another, or give it that many (`EnsemblePusher`)."
        )
    if isinstance(dynamics, Ensemble):
        alone = replace(planning, models=1)
        planned = tuple(planned_with(alone, member, surroundings) for member in members)
        return replace(dynamics, members=planned)
    if planning.touch and isinstance(dynamics, Stepping):
        dynamics = StillUntouched(dynamics, surroundings)
    return Shortened(dynamics)


@dataclass(frozen=True)
class Shortened(Wrapped):
    """Dynamics that take pushes as the environments do.

    They are no longer than 6 cm, in the plane, and send the rod nowhere beyond `ROD_LIMIT`.
    """

    def rollout(
        self, states: Float[Tensor, "E S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N H+1 S"]:
        """Roll sequences of pushes forward; index 0 in time is the given state."""
        plane = actions[..., :2]
        plane = plane / plane.norm(dim=-1, keepdim=True).clamp(min=1.0)
        rod = states[:, None, ROD].expand(-1, actions.shape[1], -1)
        pushes = []
        for push in plane.unbind(dim=2):
            sent = (rod + MAX_PUSH * push).clamp(-ROD_LIMIT, ROD_LIMIT)
            pushes.append((sent - rod) / MAX_PUSH)
            rod = sent
        rest = torch.zeros_like(actions[..., 2:])
        return self.dynamics.rollout(states, torch.cat((torch.stack(pushes, dim=2), rest), dim=-1))
