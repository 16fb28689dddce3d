"""Episodes on the control problems, summed up."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hyperdyn.benchmarks.control import IDLE, Run
from hyperdyn.benchmarks.report import NOTHING, Table
from hyperdyn.training.statistics import interquartile_mean, interval


def summarise(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Problem by problem and planner by planner: returns, interval, share solved, time of a plan.

    The interquartile mean and its 95 % bootstrap interval are over seeds.
    """
    found: dict[str, dict[str, Any]] = {}
    for problem, planner in dict.fromkeys((run.problem, run.planner) for run in runs):
        those = [run for run in runs if (run.problem, run.planner) == (problem, planner)]
        returns = [run.total for run in those]
        seconds = sorted(run.seconds for run in those)
        found.setdefault(problem, {})[planner] = {
            "iqm": float(interquartile_mean(np.array(returns))),
            "ci95": interval([returns]),
            "returns": returns,
            "solved": sum(run.solved for run in those),
            "episodes": len(those),
            "evaluations_per_plan": those[0].evaluations,
            "milliseconds_per_plan": 1e3 * seconds[len(seconds) // 2],
        }
    return found


def across(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Each planner over all problems: returns scaled so that no action is 0 and the best seen 1.

    The 95 % interval resamples seeds within each problem (stratified). Problems without a run of
    every planner are left out.
    """
    planners = [name for name in dict.fromkeys(run.planner for run in runs) if name != IDLE]
    strata: dict[str, list[list[float]]] = {name: [] for name in planners}
    for problem in dict.fromkeys(run.problem for run in runs):
        totals = {
            name: [run.total for run in runs if (run.problem, run.planner) == (problem, name)]
            for name in (*planners, IDLE)
        }
        if not all(totals.values()):
            continue
        none = sum(totals[IDLE]) / len(totals[IDLE])
        best = max(max(totals[name]) for name in planners)
        for name in planners:
            strata[name].append([(total - none) / (best - none) for total in totals[name]])
    return {
        name: {
            "iqm": float(interquartile_mean(np.concatenate(parts))),
            "ci95": interval(parts),
        }
        for name, parts in strata.items()
        if parts
    }


def control_table(
    summary: Mapping[str, Mapping[str, Any]], together: Mapping[str, Mapping[str, Any]]
) -> Table:
    """Returns of every planner, problem by problem."""
    header = ["planner", *summary, "of the best, all problems", "sequences a plan"]
    names = dict.fromkeys(name for of in summary.values() for name in of)
    rows = []
    for name in names:
        row, spent = (
            [name],
            {of[name]["evaluations_per_plan"] for of in summary.values() if name in of},
        )
        row += [_cell(of[name]) if name in of else NOTHING for of in summary.values()]
        row.append(_interval(together[name], 2) if name in together else NOTHING)
        row.append(" / ".join(map(str, sorted(spent))) if any(spent) else NOTHING)
        rows.append(tuple(row))
    title = (
        "Return with true dynamics: interquartile mean [95 % interval], episodes solved, plan time"
    )
    return Table(title, tuple(header), rows, names=1)


def _cell(found: Mapping[str, Any]) -> str:
    text = f"{_interval(found, 0)} {found['solved']}/{found['episodes']}"
    took = found["milliseconds_per_plan"]
    return f"{text} {took:.1f} ms" if found["evaluations_per_plan"] else text


def _interval(found: Mapping[str, Any], digits: int) -> str:
    low, high = found["ci95"]
    return f"{found['iqm']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
