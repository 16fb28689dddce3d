"""The figure of a change within an episode: prediction error around it, and how long it lasts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from torch import Tensor

from hyperdyn.training.locomotion.adaptation import BEFORE
from hyperdyn.training.locomotion.adaptation_lag import LagSummary, curve, lag
from hyperdyn.training.locomotion.colours import colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = (-50, 150)
"""Steps around the change."""
PANEL = (7.2, 3.4)
"""Inches."""


def draw_adaptation(
    errors: Mapping[str, Mapping[str, Sequence[Float[Tensor, "_ T"]]]], file: Path
) -> bool:
    """Draw a panel for each task: error over steps around the change, a line for each model.

    Lines are smoothed geometric means over episodes, bands their 95 % bootstrap intervals. A dot
    is where a model's error is back (`LagSummary.lag`); the legend has the lag and its interval.

    Args:
        errors: For each task, for each model that was trained on it, the errors of
            `adaptation_errors`, one group a training seed.
        file: Picture to write.

    Returns:
        Whether there was anything to draw.
    """
    from matplotlib.figure import Figure

    drawn = {task: by_model for task, by_model in errors.items() if by_model}
    if not drawn:
        return False
    columns = min(2, len(drawn))
    rows = -(-len(drawn) // columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (task, by_model) in zip(places, drawn.items(), strict=False):
        _draw_task(axes, task, by_model)
    for axes in places[len(drawn) :]:
        axes.set_axis_off()
    figure.savefig(file, dpi=110)
    return True


def _draw_task(
    axes: "Axes", task: str, by_model: Mapping[str, Sequence[Float[Tensor, "_ T"]]]
) -> None:
    axes.axvline(0, color="0.6", lw=0.8)
    colour_of = colours(by_model)
    for model, groups in by_model.items():
        colour = colour_of[model]
        middle, low, high = curve(groups)
        steps = np.arange(len(middle)) - BEFORE
        found = lag(groups, BEFORE)
        axes.plot(steps, middle, color=colour, lw=1.2, label=f"{model}: {lag_words(found)}")
        axes.fill_between(steps, low, high, color=colour, alpha=0.12, lw=0)
        if found.lag is not None:
            axes.plot(found.lag, middle[BEFORE + found.lag], "o", color=colour, markersize=5)
    axes.set(
        xlim=SHOWN,
        yscale="log",
        xlabel="steps after the change",
        ylabel="error of the next change (variances)",
        title=task,
    )
    # Beside the curves: over them it would hide some.
    axes.legend(
        fontsize=7,
        title="lag in steps [95 %]",
        title_fontsize=7,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
    )


def lag_words(found: LagSummary) -> str:
    """Such as "14 [12, 17]", or "never [40, never]"."""
    value, low, high = ("never" if n is None else str(n) for n in (found.lag, *found.lag_ci95))
    return f"{value} [{low}, {high}]"
