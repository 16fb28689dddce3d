"""The figure of proposals: return over candidates, over true and over generated dynamics."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperdyn.training.policies.planned import (
    ALONE,
    GENERATED,
    PROPOSAL,
    SABOTAGED,
    SAMPLING,
    TRUE,
)
from hyperdyn.training.policies.proposals_page import HEADS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL = (5.6, 3.8)
"""Inches."""
LEGEND = 2.2
"""Inches beside the panels."""


def draw_proposals(table: Mapping[str, Any], file: Path) -> None:
    """Draw a row for each task, true dynamics left, generated ones right; bands are 95 % intervals.

    Args:
        table: As `ProposalStudy.table`.
        file: Picture to write.
    """
    from matplotlib.figure import Figure

    found = [row for methods in table.values() for row in methods.values()]
    measured = [over for over in (TRUE, GENERATED) if any(over in row for row in found)]
    names = dict.fromkeys(name for methods in table.values() for name in methods)
    colours = {name: f"C{number}" for number, name in enumerate(names)}
    size = (PANEL[0] * len(measured) + LEGEND, PANEL[1] * len(table))
    figure = Figure(figsize=size, layout="constrained")
    places = figure.subplots(len(table), len(measured), squeeze=False)
    for row, (task, methods) in zip(places, table.items(), strict=True):
        for axes, over in zip(row, measured, strict=True):
            _panel(axes, methods, over, colours)
            axes.set(title=f"{task}, {HEADS[over]}", xlabel="candidates a plan", ylabel="return")
    # One beside all panels: in them it would hide curves.
    drawn = [axes.get_legend_handles_labels() for row in places for axes in row]
    labelled = {
        label: line for lines, labels in drawn for line, label in zip(lines, labels, strict=True)
    }
    figure.legend(list(labelled.values()), list(labelled), loc="outside right upper", fontsize=8)
    figure.savefig(file, dpi=110)


def _panel(axes: "Axes", methods: Mapping[str, Any], over: str, colours: Mapping[str, str]) -> None:
    measured = {name: found for name, found in methods.items() if over in found}
    if not measured:
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    first = next(iter(measured.values()))
    _line(axes, first[over][SAMPLING], "sampling alone", "k-o")
    for name, found in measured.items():
        colour = colours[name]
        _line(axes, found[over][PROPOSAL], f"proposed by {name}", f"{colour}-o")
        _line(axes, found[over][SABOTAGED], f"{name}, sabotaged", f"{colour}:x")
        axes.axhline(found[ALONE]["mean"], color=colour, ls="--", lw=1, label=f"{name} alone")
    axes.set_xscale("log", base=2)
    counts = [int(count) for count in first[over][SAMPLING]]
    axes.set_xticks(counts, [str(count) for count in counts])


def _line(axes: "Axes", curve: Mapping[str, Any], label: str, style: str) -> None:
    counts, rows = [int(count) for count in curve], list(curve.values())
    (drawn,) = axes.plot(counts, [row["mean"] for row in rows], style, label=label, markersize=4)
    low, high = ([row["ci95"][end] for row in rows] for end in (0, 1))
    axes.fill_between(counts, low, high, color=drawn.get_color(), alpha=0.12, lw=0)
