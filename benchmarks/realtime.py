"""How well plans keep a deadline, on a quiet machine and on one that others load."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from hyperdyn.benchmarks.problems import Problem, make_problem
from hyperdyn.benchmarks.report import Table
from hyperdyn.benchmarks.workloads import WORKLOADS
from hyperdyn.planners import CEM, ICEM, MPC, MPPI, Planner

TOLERANCE = 1.1
"""A plan overran if it took longer than this many times the deadline."""
MOST_ROUNDS = 1000
"""Rounds a plan would take without a deadline."""
PLANNERS: dict[str, Callable[..., Planner[Any]]] = {"cem": CEM, "icem": ICEM, "mppi": MPPI}


@dataclass(frozen=True, kw_only=True)
class Realtime:
    """What became of the plans of one planner under one load."""

    planner: str
    samples: int
    """Candidates a round."""
    load: int
    """Processes that kept a core busy meanwhile."""
    plans: int
    overran: float
    """Share of the plans that took more than 1.1 deadlines."""
    missed: float
    """Share that took longer than the deadline."""
    rounds: float
    """Median number of rounds."""
    median: float
    """Seconds; half of the plans took no longer."""
    p99: float
    """Seconds; 99 of 100 plans took no longer."""
    longest: float
    """Seconds."""
    jitter: float
    """Standard deviation, seconds."""


def measure(
    planners: Sequence[str],
    samples: Sequence[int],
    loads: Sequence[int],
    *,
    deadline: float,
    plans: int,
    on_plan: Callable[[], object] = lambda: None,
) -> Iterator[Realtime]:
    """Plan again and again with the model of L500, each plan started from the one before.

    Args:
        planners: Names of planners.
        samples: Candidates a round, each in turn.
        loads: Busy processes beside, each in turn.
        deadline: Seconds a plan may take.
        plans: Plans of each planner under each load.
        on_plan: Called after every plan.
    """
    problem = make_problem(WORKLOADS["L500"], torch.Generator().manual_seed(0))
    for load in loads:
        with busy(load):
            for name in planners:
                for count in samples:
                    yield _one(problem, name, count, load, deadline, plans, on_plan)


def _one(
    problem: Problem,
    name: str,
    samples: int,
    load: int,
    deadline: float,
    plans: int,
    on_plan: Callable[[], object],
) -> Realtime:
    settings: dict[str, Any] = {"samples": samples, "horizon": problem.workload.horizon}
    if name != "mppi":
        settings["elites"] = max(2, samples // 10)
    planner = PLANNERS[name](**settings, iterations=MOST_ROUNDS)
    rng = torch.Generator().manual_seed(0)
    objective = problem.reward.objective
    # Compile first: that is not what a deadline is about.
    warm_up = PLANNERS[name](**settings, iterations=2)
    for allowed in (None, 1e3):  # a plan with a deadline uses other functions than one without
        controller = MPC(warm_up, objective, deadline=allowed, generator=rng)
        controller.act(problem.dynamics, problem.states)
    controller = MPC(planner, objective, deadline=deadline, generator=rng)
    times, rounds = [], []
    for _ in range(plans):
        controller.act(problem.dynamics, problem.states)
        plan = controller.last_plan
        assert plan is not None
        times.append(plan.elapsed)
        rounds.append(plan.iterations)
        on_plan()
    timing = controller.timing
    return Realtime(
        planner=name,
        samples=samples,
        load=load,
        plans=timing.plans,
        overran=float(np.mean(np.array(times) > TOLERANCE * deadline)),
        missed=timing.missed / timing.plans,
        rounds=float(np.median(rounds)),
        median=timing.median,
        p99=float(np.quantile(times, 0.99)),
        longest=timing.longest,
        jitter=timing.jitter,
    )


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep some cores busy with other processes while the body runs."""
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_spin, daemon=True) for _ in range(processes)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.terminate()
            other.join()


def _spin() -> None:
    """Multiply matrices until someone ends this process."""
    matrix = np.eye(64, dtype=np.float32)
    while True:
        matrix = matrix @ matrix


def realtime_table(rows: Sequence[Realtime], deadline: float) -> Table:
    """One line for each planner, population and load."""
    return Table(
        f"Plans with a deadline of {1e3 * deadline:g} ms",
        (
            "busy processes",
            "planner",
            "candidates",
            "overran by 10 %",
            "missed",
            "rounds",
            "median ms",
            "99 % ms",
            "longest ms",
            "jitter ms",
        ),
        [
            (
                str(row.load),
                row.planner,
                str(row.samples),
                f"{row.overran:.1%}",
                f"{row.missed:.1%}",
                f"{row.rounds:g}",
                *(
                    f"{1e3 * seconds:.2f}"
                    for seconds in (row.median, row.p99, row.longest, row.jitter)
                ),
            )
            for row in rows
        ],
    )


def realtime_json(rows: Sequence[Realtime]) -> list[dict[str, object]]:
    """The same for a file."""
    return [asdict(row) for row in rows]
