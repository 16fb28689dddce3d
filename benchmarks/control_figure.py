"""A picture of the control problems: the ways through the gap, and the returns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperdyn.benchmarks.control import IDLE, Run
from hyperdyn.benchmarks.control_problems import POINT_MASS
from hyperdyn.envs.control import PointMassGap

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_control(file: Path, runs: Sequence[Run], summary: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw and write the figure.

    Left, if the point mass was among the problems: every episode's way. Then for each problem the
    return of every planner and its 95 % interval.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(run.planner for run in runs))
    colours = {name: "0.6" if name == IDLE else f"C{i}" for i, name in enumerate(names)}
    paths = [run for run in runs if run.problem == POINT_MASS.name and run.planner != IDLE]
    panels = len(summary) + bool(paths)
    figure, grid = pyplot.subplots(
        1, panels, figsize=(3.6 * panels, 3.8), layout="constrained", squeeze=False
    )
    axes = list(grid[0])
    if paths:
        _draw_ways(axes.pop(0), paths, colours)
    for panel, (problem, of) in zip(axes, summary.items(), strict=True):
        _draw_returns(panel, problem, of, colours)
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def _draw_ways(axes: "Axes", runs: Sequence[Run], colours: Mapping[str, str]) -> None:
    from matplotlib.patches import Rectangle

    for (x, y), (half_x, half_y) in PointMassGap.boxes:
        corner = (x - half_x, y - half_y)
        axes.add_patch(Rectangle(corner, 2 * half_x, 2 * half_y, color="0.75", zorder=0))
    labelled = set()
    for run in runs:
        label = None if run.planner in labelled else run.planner
        labelled.add(run.planner)
        way = run.states[:, :2]
        axes.plot(
            way[:, 0], way[:, 1], color=colours[run.planner], linewidth=1, alpha=0.8, label=label
        )
    axes.plot(*PointMassGap.goal, "k*", markersize=10)
    side = PointMassGap.half_room
    axes.set(
        xlim=(-side, side),
        ylim=(-side, side),
        aspect="equal",
        xlabel="x (m)",
        ylabel="y (m)",
        title="point mass: every way taken",
    )
    axes.legend(fontsize=8, loc="lower right")


def _draw_returns(
    axes: "Axes", problem: str, of: Mapping[str, Any], colours: Mapping[str, str]
) -> None:
    for row, (name, found) in enumerate(of.items()):
        low, high = found["ci95"]
        axes.barh(row, found["iqm"], color=colours[name], alpha=0.8)
        axes.plot((low, high), (row, row), color="k", linewidth=1.5)
    axes.set_yticks(range(len(of)), of, fontsize=8)
    axes.invert_yaxis()
    axes.set(title=problem, xlabel="return, 95 % interval")
