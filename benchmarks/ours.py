"""Our own contestants: the rollout with its objective, and every planner."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hyperdyn.benchmarks.problems import Problem
from hyperdyn.benchmarks.settings import Budget
from hyperdyn.benchmarks.timing import Call
from hyperdyn.benchmarks.workloads import Workload
from hyperdyn.planners import CEM, ICEM, MPPI, Plan, Planner, RandomShooting

PLANNERS = ("random-shooting", "cem", "icem", "mppi")


def make_planner(name: str, workload: Workload, budget: Budget, threads: int) -> Planner[Any]:
    """A planner with the workload's sizes and otherwise its own settings.

    iCEM's rounds do not shrink, so that all planners roll out equally many candidates.
    """
    sizes: dict[str, Any] = {
        "horizon": workload.horizon,
        "samples": workload.candidates,
        "threads": threads,
    }
    if name == "random-shooting":
        return RandomShooting(**sizes)
    sizes["iterations"] = budget.iterations
    if name == "mppi":
        return MPPI(**sizes)
    sizes["elites"] = budget.elites(workload)
    return CEM(**sizes) if name == "cem" else ICEM(**sizes, shrinking=1.0)


def rollout(problem: Problem) -> Callable[[], Tensor]:
    """Returns [E, N] of the problem's candidates: the rollout with a built-in objective."""
    objective, dynamics = problem.reward.objective, problem.dynamics
    table = objective.table(problem.workload.state)
    score = None if table is None else dynamics.scorer(problem.states, table)

    def returns() -> Tensor:
        found = None if score is None else score(problem.candidates)
        if found is not None:
            return found[0]
        states = dynamics.rollout(problem.states, problem.candidates)
        return objective(states, problem.candidates)

    return returns


def planning(problem: Problem, planner: Planner[Any]) -> Call:
    """Plan again and again for the same states, each time from the plan before."""
    generator = torch.Generator(problem.device).manual_seed(0)
    objective = problem.reward.objective
    previous: list[Plan | None] = [None]

    def plan() -> None:
        previous[0] = planner.plan(
            problem.dynamics,
            problem.states,
            objective,
            previous=previous[0],
            generator=generator,
        )

    return plan


def contestants(problem: Problem, budget: Budget, threads: int) -> dict[str, Call]:
    """The rollout and the planners, by name."""
    calls: dict[str, Call] = {"rollout": rollout(problem)}
    for name in PLANNERS:
        planner = make_planner(name, problem.workload, budget, threads)
        calls[name] = planning(problem, planner)
    return calls
