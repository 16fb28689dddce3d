"""How speed grows with candidates, horizon, systems and threads: points, and their plot."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hyperdyn.benchmarks.session import Session
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.benchmarks.workloads import WORKLOADS, Workload

BASE = "L500"
TASK = "cem"
ROUNDS = 5
PEER = "stable-worldmodel"
VALUES: dict[str, tuple[int, ...]] = {
    "candidates": (30, 100, 500, 2000, 8000),
    "horizon": (5, 10, 20, 40, 80),
    "systems": (1, 4, 16, 64),
}
TITLES = {
    "candidates": "candidates N",
    "horizon": "horizon H",
    "systems": "systems E",
    "threads": "threads",
}
COLOURS = {"hyperdyn": "C3", "torch": "C0", PEER: "C2"}


def by_threads(threads: int) -> dict[int, dict[tuple[str, int], Workload]]:
    """The workloads along every axis, all else as in L500, by the threads they run on.

    Args:
        threads: For all axes but that of the threads.
    """
    base = WORKLOADS[BASE]
    found = {
        (axis, value): replace(base, name=f"{axis}={value}", **{axis: value})  # type: ignore[arg-type]
        for axis, values in VALUES.items()
        for value in values
    }
    points = {threads: found}
    for count in thread_counts():
        name = f"threads={count}"
        points.setdefault(count, {})["threads", count] = replace(base, name=name)
    return points


def thread_counts() -> list[int]:
    """Powers of two up to the usable cores, and all of them."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cores = usable or 1
    return sorted({1 << power for power in range(cores.bit_length())} | {cores})


def measure_scaling(
    python: Path | None, settings: Settings, found: dict[str, dict[str, Any]]
) -> None:
    """Measure every point, in a process for each number of threads.

    Args:
        python: Interpreter that measures; this one if None.
        settings: Rounds (five at most), threads, device, and whether there are peers.
        found: Gets the summaries by axis and value, as they are finished.
    """
    peers = tuple(name for name in settings.peers if name == PEER)
    rounds = min(settings.rounds, ROUNDS)
    settings = replace(settings, peers=peers, tasks=(TASK,), rounds=rounds)
    for threads, points in by_threads(settings.threads).items():
        asked = replace(settings, workloads=tuple(points.values()), threads=threads)
        session = Session(python)
        try:
            session.run("bench_planners", asked)
        finally:
            for (axis, value), point in points.items():
                if point.name in session.results:
                    found.setdefault(axis, {})[str(value)] = session.results[point.name]


def draw_scaling(file: Path, scaling: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw model steps a second over each axis, below what the matrix product allows.

    Args:
        file: Picture to write.
        scaling: For each axis, the results by value.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = [axis for axis in TITLES if scaling.get(axis)]
    figure, panels = pyplot.subplots(
        1,
        len(axes),
        figsize=(3.6 * len(axes), 3.6),
        layout="constrained",
        sharey=True,
        squeeze=False,
    )
    for panel, axis in zip(panels[0], axes, strict=True):
        results = sorted(scaling[axis].items(), key=lambda item: int(item[0]))
        for library, colour in COLOURS.items():
            line = [(int(value), rate) for value, at in results if (rate := _rate(at, library))]
            if line:
                panel.plot(*zip(*line, strict=True), "o-", color=colour, label=library)
        limits = [(int(value), _limit(found)) for value, found in results]
        panel.plot(*zip(*limits, strict=True), "k--", linewidth=1, label="matrix product")
        panel.set_xscale("log", base=2)
        panel.set_xlabel(TITLES[axis])
        panel.set_xticks([value for value, _ in limits], [str(value) for value, _ in limits])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0][0].set_ylim(bottom=0)
    panels[0][0].set_ylabel(f"million model steps a second, {TASK.upper()}")
    panels[0][0].legend(frameon=False)
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def _rate(found: Mapping[str, Any], library: str) -> float | None:
    by_task = {"hyperdyn": found["planners"], **found["baselines"], **found["peers"]}
    entry = by_task.get(library, {}).get(TASK)
    return entry and _steps(found) / float(entry["busy_seconds_per_iteration"])


def _limit(found: Mapping[str, Any]) -> float:
    """Million steps a second if nothing but the matrix products took time."""
    return _steps(found) / float(found["floor_seconds"]["operations"])


def _steps(found: Mapping[str, Any]) -> float:
    """Million model steps in an iteration."""
    return float(found["systems"] * found["candidates"] * found["horizon"]) / 1e6
