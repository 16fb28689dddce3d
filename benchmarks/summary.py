"""From rounds to figures: rates, fractions of the peak, and ratios to the peers."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hyperdyn.benchmarks.baselines import BASELINES
from hyperdyn.benchmarks.peak import Peak
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.benchmarks.timing import Key, Rounds, Spread
from hyperdyn.benchmarks.workloads import Workload

OURS = "hyperdyn"
ROLLOUT = "rollout"
ITERATING = ("cem", "icem", "mppi")


def summarise(
    rounds: Rounds, workload: Workload, settings: Settings, peak: Peak, missing: dict[str, str]
) -> dict[str, Any]:
    """Lay out a workload's figures as the JSON file has them.

    Args:
        rounds: What was measured.
        workload: Its sizes.
        settings: How it was measured.
        peak: What the machine can do.
        missing: Peers that could not be measured, and why.
    """
    entries = {key: _entry(key, rounds, workload, settings, peak) for key in rounds.seconds}
    mine = {key.task: entries[key] for key in entries if key.library == OURS}
    others = sorted({key.library for key in entries} - {OURS, *BASELINES})
    for task, entry in mine.items():
        against = [Key(name, task) for name in others if Key(name, task) in entries]
        if against:
            best = min(against, key=lambda key: float(entries[key]["busy_seconds_per_iteration"]))
            entry |= _ratio("best_peer", rounds, best, Key(OURS, task))
            entry["best_peer"] = best.library
        if Key("torch", task) in entries:
            entry |= _ratio("torch", rounds, Key("torch", task), Key(OURS, task))
    products = [t for beside in rounds.yardsticks.values() for t in beside]
    rate = peak.operations / Spread.of(products).median
    return {
        **asdict(workload),
        "network": list(workload.network.sizes),
        "operations_per_iteration": workload.operations,
        "bytes_per_iteration": workload.bytes,
        "floor_seconds": {
            "operations": workload.operations / rate,
            "bytes": workload.bytes / peak.bandwidth,
        },
        "peak_gflops": rate / 1e9,
        "rounds": rounds.count,
        "peak_fraction": mine.get("random-shooting", {}).get("peak_fraction"),
        "rollout": mine.get(ROLLOUT),
        "planners": {task: entry for task, entry in mine.items() if task != ROLLOUT},
        "peers": _by_library(entries, others),
        "baselines": _by_library(entries, BASELINES),
        "missing": missing | {" ".join(key): why for key, why in rounds.failed.items()},
        "ratio_to_best_peer": _least(mine, "ratio_to_best_peer"),
        "ratio_to_torch": _least(mine, "ratio_to_torch"),
    }


def _entry(
    key: Key, rounds: Rounds, workload: Workload, settings: Settings, peak: Peak
) -> dict[str, Any]:
    iterations = settings.budget.rounds(key.task)
    seconds = Spread.of(rounds.seconds[key]).median
    operations = workload.operations * iterations
    fraction = Spread.of(
        [
            (operations / taken) / (peak.operations / beside)
            for taken, beside in zip(rounds.busy[key], rounds.yardsticks[key], strict=True)
        ]
    )
    entry = {
        "iterations": iterations,
        "seconds": seconds,
        "seconds_per_iteration": seconds / iterations,
        "busy_seconds_per_iteration": Spread.of(rounds.busy[key]).median / iterations,
        "model_evaluations_per_second": workload.evaluations * iterations / seconds,
        "peak_fraction": fraction.median,
        "peak_fraction_quartiles": [fraction.low, fraction.high],
    }
    if key.task != ROLLOUT:
        entry["plans_per_second"] = workload.systems / seconds
    return entry


def _ratio(name: str, rounds: Rounds, other: Key, mine: Key) -> dict[str, Any]:
    pairs = zip(rounds.busy[other], rounds.busy[mine], strict=True)
    ratio = Spread.of([theirs / ours for theirs, ours in pairs])
    return {
        f"ratio_to_{name}": ratio.median,
        f"ratio_to_{name}_quartiles": [ratio.low, ratio.high],
    }


def _by_library(entries: dict[Key, dict[str, Any]], names: Sequence[str] | Any) -> dict[str, Any]:
    found = {
        name: {key.task: entry for key, entry in entries.items() if key.library == name}
        for name in names
    }
    return {name: by_task for name, by_task in found.items() if by_task}


def _least(mine: dict[str, dict[str, Any]], figure: str) -> float | None:
    """The smallest of the iterating planners' ratios: what holds for each of them."""
    found = [mine[task][figure] for task in ITERATING if figure in mine.get(task, {})]
    return min(found, default=None)
