"""The figure of table 1: return over what is varied, and where generators were trained."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperdyn.envs.suite.grids import GRIDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL = (5.2, 3.2)
"""Inches."""

Curve = tuple[Sequence[float], Sequence[float]]
"""Values of the first of what is varied, and the mean return at each."""


def draw_returns(curves: Mapping[str, Mapping[int, Mapping[str, Curve]]], file: Path) -> None:
    """Draw a row for each task and a column for each split; training specifications are marked.

    Where two are varied, returns are means over the second.

    Args:
        curves: By task, split and method, the expert among them, at test specifications.
        file: Picture to write.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    columns = max(len(splits) for splits in curves.values())
    size = (PANEL[0] * columns, PANEL[1] * len(curves))
    figure = Figure(figsize=size, layout="constrained")
    found = {name for splits in curves.values() for methods in splits.values() for name in methods}
    looks: dict[str, dict[str, Any]] = {
        name: {"color": f"C{index}", "lw": 1.2}
        for index, name in enumerate(sorted(found - {"expert"}))
    }
    looks["expert"] = {"color": "black", "ls": "--", "lw": 1.2}
    places = figure.subplots(len(curves), columns, squeeze=False)
    for row, (task, splits) in zip(places, curves.items(), strict=True):
        for axes in row[len(splits) :]:
            axes.set_axis_off()
        for axes, (split, methods) in zip(row, splits.items(), strict=False):
            _panel(axes, task, split, methods, looks)
    drawn = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    places[0][0].legend(handles=drawn, fontsize=7)  # some task may lack some method
    figure.savefig(file, dpi=100)


def _panel(
    axes: "Axes",
    task: str,
    split: int,
    methods: Mapping[str, Curve],
    looks: Mapping[str, Mapping[str, Any]],
) -> None:
    grid = GRIDS[task]
    for row in grid.ids("train", split):
        axes.axvline(float(grid.values()[row][0]), color="0.8", lw=1, zorder=0)
    for name, (values, returns) in methods.items():
        places, which = np.unique(values, return_inverse=True)
        means = np.bincount(which, np.asarray(returns)) / np.bincount(which)
        axes.plot(places, means, **looks[name])
    axes.set(title=f"{task}, split {split}", xlabel=grid.names[0], ylabel="return")
