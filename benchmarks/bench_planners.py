"""Every planner of every library on one workload, by turns."""

from collections.abc import Callable
from typing import Any

import torch

from hyperdyn.benchmarks import peers
from hyperdyn.benchmarks.baselines import BASELINES
from hyperdyn.benchmarks.ours import contestants
from hyperdyn.benchmarks.peak import Peak
from hyperdyn.benchmarks.plugin import Record
from hyperdyn.benchmarks.problems import Problem, make_problem
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.benchmarks.summary import OURS, summarise
from hyperdyn.benchmarks.timing import Call, Key, Rounds, reason
from hyperdyn.benchmarks.torch_models import MODELS
from hyperdyn.benchmarks.workloads import Workload

TOLERANCE = 1e-3  # of the largest return: the same model and the same objective, in float32


def bench_planners(
    workload: Workload,
    settings: Settings,
    peak: Peak,
    generator: torch.Generator,
    record: Record,
    run_rounds: Callable[[Rounds], None],
    benchmark: Any,
) -> None:
    """Measure a workload; an interrupted one is recorded with the rounds it has."""
    problem = make_problem(workload, generator, settings.device)
    calls: dict[Key, Call] = {}
    missing: dict[str, str] = {}
    with torch.no_grad():
        ours = contestants(problem, settings.budget, settings.threads)
        calls |= {Key(OURS, task): call for task, call in ours.items()}
        for name, baseline in BASELINES.items():
            if name == "torch" or settings.peers:
                found = baseline(problem, settings.budget)
                calls |= {Key(name, task): call for task, call in found.items()}
        for name in settings.peers:
            try:
                calls |= _planners_of(name, problem, settings)
            except Exception as error:  # whatever a library raises is why it is missing
                missing[name] = reason(error)
        calls = {key: call for key, call in calls.items() if key.task in settings.tasks}
        rounds = Rounds(
            calls,
            peak.call,
            slot=settings.slot,
            device=problem.device,
            threads=settings.threads,
        )
        try:
            run_rounds(rounds)
        finally:
            if rounds.count:
                result = summarise(rounds, workload, settings, peak, missing)
                benchmark.extra_info.update(result)
                record(workload.name, result)


def _planners_of(name: str, problem: Problem, settings: Settings) -> dict[Key, Call]:
    """A peer's planners, once it is known to score candidates as we do."""
    peer = peers.load(name).build(problem, settings.budget, MODELS[settings.peer_model])
    objective = problem.reward.objective
    wanted = objective(
        problem.dynamics.rollout(problem.states, problem.candidates), problem.candidates
    )
    off = (peer.returns(problem.candidates) - wanted).abs().max() / wanted.abs().max()
    if not off <= TOLERANCE:
        raise ValueError(f"its returns of the same candidates are off by {float(off):.1e}")
    return {Key(name, task): call for task, call in peer.planners.items()}
