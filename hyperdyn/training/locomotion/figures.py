"""Figures of the locomotion study: training, the hidden property, and the code over the terrain."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hyperdyn.training.locomotion.colours import colours
from hyperdyn.training.locomotion.layout import GENERATOR, TABLES
from hyperdyn.training.locomotion.study import LocomotionStudy
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.presets import ROADS
from hyperdyn.training.statistics import interquartile_mean
from hyperdyn.training.tasks import task_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PROPERTIES = {
    "slope": "height of the segments met (m)",
    "pier": "damping ratio of the blocks met",
    "body": "mass, times the training body's",
}
"""What is hidden, by the last word of a task; a mean over each episode."""
GROUP = 17
"""Episodes, about, that a point on a line stands for."""
PANEL = (5.6, 3.8)
"""Inches."""


def draw_training(study: LocomotionStudy, tables: Sequence[str], file: Path) -> bool:
    """Mean return of the training episodes of each round; bands span the training seeds.

    Args:
        study: The runs.
        tables: A panel for each of their tasks that was trained.
        file: Picture to write.

    Returns:
        Whether there was anything to draw.
    """
    from matplotlib.ticker import MaxNLocator

    def panel(axes: "Axes", task: str) -> None:
        for model, colour in colours().items():
            curves = [training_curve(study.folder / run.name) for run in study.runs(task, model)]
            if curves:
                rounds = min(len(curve) for curve in curves)
                together = np.array([curve[:rounds] for curve in curves])
                x = np.arange(1, rounds + 1)
                axes.plot(x, together.mean(0), color=colour, label=model)
                axes.fill_between(
                    x, together.min(0), together.max(0), color=colour, alpha=0.12, lw=0
                )
        axes.set(xlabel="round", ylabel="return of its training episodes", title=task)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    return _draw(file, _trained(study, tables), panel)


def draw_properties(study: LocomotionStudy, tables: Sequence[str], file: Path) -> bool:
    """Return over the hidden property; the training range is shaded.

    A point is an episode; lines join the interquartile means of groups of about 17 episodes, each
    of one split.

    Args:
        study: Cells of the tables must have been worked out.
        tables: Tables of returns; a panel for each of their tasks whose property is a number.
        file: Picture to write.

    Returns:
        Whether there was anything to draw.
    """

    def panel(axes: "Axes", task: str) -> None:
        places = [expert.truth[0] for expert in task_for(ROADS[task]).experts]
        axes.axvspan(min(places), max(places), color="0.92", lw=0, label="training range")
        for model, colour in colours().items():
            lines = []
            for properties, returns in study.properties(task, model).values():
                axes.plot(properties, returns, ".", color=colour, alpha=0.15, markersize=3)
                lines.append(grouped(np.asarray(properties), np.asarray(returns)))
            if lines:
                x, y = np.concatenate(lines, axis=1)
                order = np.argsort(x)
                axes.plot(x[order], y[order], "o-", color=colour, label=model, markersize=4)
        axes.set(xlabel=PROPERTIES[task.split("-")[-1]], ylabel="return", title=task)

    tasks = [task for task in _trained(study, tables) if task.split("-")[-1] in PROPERTIES]
    return _draw(file, tasks, panel)


def draw_codes(study: LocomotionStudy, tables: Sequence[str], file: Path) -> bool:
    """The models' codes along one episode, over the true property where the robot is.

    The episode is that of the fixed data set, on the training range, in which the property takes
    most values. A code, of each model's first seed, stands as its linear reading of the property
    (`codes_over_episodes`): its mean over the last steps, and the generator's at every step too.

    Args:
        study: Cells of the tables must have been worked out.
        tables: A panel for each of their tasks.
        file: Picture to write.

    Returns:
        Whether there was anything to draw.
    """

    def panel(axes: "Axes", task: str) -> None:
        split = task_for(ROADS[task]).splits[0]
        found = {
            model: study.codes(runs[0], split)
            for model in TABLES["codes"].measured
            if (runs := study.runs(task, model))
        }
        colour, steps = colours(found), found[GENERATOR]
        row = most_varied(steps["truth"])
        place = steps["places"][row]
        axes.plot(place, steps["truth"][row], "k", lw=2, label="true property")
        axes.plot(place, steps["code"]["readings"][row], color=colour[GENERATOR], alpha=0.3)
        for model, codes in found.items():
            smoothed = codes["smoothed"]
            rank = "–" if smoothed["rank"] is None else f"{smoothed['rank']:.2f}"
            label = f"{model}: rank correlation {rank}"
            place, width = codes["places"][row], 1.5 if model == GENERATOR else 0.8
            axes.plot(place, smoothed["readings"][row], color=colour[model], lw=width, label=label)
        axes.set(xlabel="way (m)", ylabel=PROPERTIES[task.split("-")[-1]])
        axes.set_title(f"{task}, {split}: read from the code", fontsize=9)
        axes.legend(fontsize=6)

    driven = [
        task
        for task in _trained(study, tables)
        if study.runs(task, GENERATOR) and study.drivers(task)
    ]
    return _draw(file, driven, panel)


def training_curve(run: Path) -> NDArray[np.float64]:
    """Mean return of each round's episodes."""
    rows = [row["return_mean"] for row in read_metrics(run) if "return_mean" in row]
    return np.asarray(rows, dtype=np.float64)


def grouped(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Episodes in groups of about `GROUP` by x: the mean of x, the interquartile mean of y."""
    groups = np.array_split(np.argsort(x, kind="stable"), max(1, round(len(x) / GROUP)))
    return np.array(
        [[x[rows].mean() for rows in groups], [interquartile_mean(y[rows]) for rows in groups]]
    )


def most_varied(truths: Sequence[Sequence[float]]) -> int:
    """The first episode in which the property takes most values."""
    counts = [len(set(truth)) for truth in truths]
    return counts.index(max(counts))


def _trained(study: LocomotionStudy, tables: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(task for table in tables for task in study.trained(table)))


def _draw(file: Path, tasks: Sequence[str], panel: "Callable[[Axes, str], None]") -> bool:
    from matplotlib.figure import Figure

    if not tasks:
        return False
    columns = min(2, len(tasks))
    rows = -(-len(tasks) // columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, task in zip(places, tasks, strict=False):
        panel(axes, task)
    for axes in places[len(tasks) :]:
        axes.set_axis_off()
    if places[0].get_legend() is None:
        places[0].legend(fontsize=7)
    figure.savefig(file, dpi=110)
    return True
