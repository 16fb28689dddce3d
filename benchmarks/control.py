"""Control problems with true dynamics: what every planner makes of the same number of candidates.

The world that is acted in and the model that is planned with are one: what is measured is planning.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.benchmarks.control_problems import ControlProblem
from hyperdyn.dynamics import Dynamics
from hyperdyn.planners import MPC, Planner
from hyperdyn.planners.budget import PLANNERS as PLANNERS
from hyperdyn.planners.budget import candidates, planner_of

IDLE = "no action"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One episode of one planner on one problem."""

    problem: str
    planner: str
    """Name, or "no action" for none."""
    seed: int
    total: float
    """Return of the episode, undiscounted."""
    solved: bool
    """Whether the problem's own criterion holds."""
    evaluations: int
    """Candidates a plan rolled out; 0 for none."""
    seconds: float
    """Median time of a plan."""
    states: Float[Tensor, "T S"] = field(compare=False)
    """Where it led."""


def make_planner(name: str, problem: ControlProblem, budget: int) -> Planner[Any]:
    """A planner for a problem that spends as much of the budget as it can.

    Args:
        name: One of `PLANNERS`.
        problem: Has the horizon and the bounds.
        budget: Candidates a plan may roll out, for each system.

    Raises:
        UnknownNameError: For another name.
        InputError: If the budget is too small for the planner.
    """
    return planner_of(name, budget, problem.horizon, low=-problem.bound, high=problem.bound)


@dataclass(frozen=True, eq=False)
class Episodes:
    """What E systems in lockstep did."""

    states: Float[Tensor, "E T S"]
    """States, the given one first."""
    actions: Float[Tensor, "E H A"]
    """Actions taken."""
    totals: Float[Tensor, "E"]
    """Undiscounted returns."""
    solved: Bool[Tensor, "E"]
    """Whether the problem's criterion holds."""
    seconds: float
    """Median time of planning a step, all systems together."""


def play(
    problem: ControlProblem,
    dynamics: Dynamics,
    start: Float[Tensor, "E S"],
    planner: Planner[Any] | None,
    generator: torch.Generator,
    on_step: Callable[[], object] = lambda: None,
) -> Episodes:
    """Run one episode of E systems in lockstep, with plans made in their true dynamics.

    Args:
        problem: What is to be done.
        dynamics: E systems: the world, and what is planned with.
        start: Where they stand.
        planner: What plans; None takes no action.
        generator: Source of the candidates.
        on_step: Called after every step.
    """
    controller = None if planner is None else MPC(planner, problem.objective, generator=generator)
    states, actions = [start], []
    seconds = []
    for _ in range(problem.steps):
        began = time.perf_counter()
        if controller is None:
            action = torch.zeros(len(start), dynamics.action_dim)
        else:
            action = controller.act(dynamics, states[-1])
        seconds.append(time.perf_counter() - began)
        states.append(dynamics.rollout(states[-1], action[:, None, None])[:, 0, 1])
        actions.append(action)
        on_step()
    went, did = torch.stack(states, 1), torch.stack(actions, 1)
    return Episodes(
        states=went,
        actions=did,
        totals=problem.objective(went[:, None], did[:, None])[:, 0],
        solved=problem.solved(went),
        seconds=sorted(seconds)[len(seconds) // 2],
    )


def measure(
    problems: Sequence[ControlProblem],
    planners: Sequence[str],
    *,
    seeds: int,
    budget: int,
    threads: int = 1,
    on_step: Callable[[], object] = lambda: None,
) -> Iterator[Run]:
    """Run every planner, and none, on every problem; yield each episode as it ends.

    Args:
        problems: What is to be done.
        planners: Of `PLANNERS`.
        seeds: Episodes each; a seed is a start, the same for every planner, and its candidates.
        budget: Candidates a plan may roll out.
        threads: Of the simulator, where the problem has one.
        on_step: Called after every step of an episode.

    Raises:
        UnknownNameError: For an unknown planner.
        InputError: If the budget is too small for a planner.
    """
    chosen = [
        (problem, name, None if name == IDLE else make_planner(name, problem, budget))
        for problem in problems
        for name in (*planners, IDLE)
    ]
    for problem, name, planner in chosen:
        dynamics = problem.make(1, threads)
        for seed in range(seeds):
            generator = torch.Generator().manual_seed(seed)
            start = problem.start(1, generator)
            done = play(problem, dynamics, start, planner, generator, on_step)
            total = float(done.totals[0])
            yield Run(
                problem=problem.name,
                planner=name,
                seed=seed,
                total=total if math.isfinite(total) else -math.inf,
                solved=bool(done.solved[0]),
                evaluations=0 if planner is None else candidates(planner),
                seconds=done.seconds,
                states=done.states[0],
            )
