"""The pushing tables for people: on a page beside the paper's numbers, and on the terminal."""

import json
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from hyperdyn.training.pages import table

PAPER_ERRORS = {
    "hyperdynamics": ("0.83 / 4.27", "0.93 / 4.77"),
    "direct": ("1.01 / 5.14", "1.24 / 5.60"),
    "xyz": ("1.45 / 5.89", "1.72 / 6.46"),
    "maml": ("1.68 / 8.91", "1.76 / 9.05"),
    "expert_ensemble": ("0.82 / 4.22", "1.68 / 5.83"),
}
PAPER_SUCCESS = {
    "hyperdynamics": ("0.92 / 0.70", "0.92 / 0.68"),
    "direct": ("0.88 / 0.62", "0.84 / 0.58"),
    "xyz": ("0.80 / 0.42", "0.74 / 0.44"),
    "maml": ("0.70 / 0.42", "0.68 / 0.38"),
    "expert_ensemble": ("0.92 / 0.72", "0.80 / 0.44"),
}
PAPER_ABLATIONS = {
    "hyperdynamics": ("0.83", "0.93"),
    "true-boxes": ("0.76", "0.86"),
    "shape-8": ("0.83", "0.93"),
    "no-decoder": ("0.87", "4.32"),
    "no-cropping": ("1.45", "1.76"),
    "shape-16": ("0.82", "0.94"),
    "shape-32": ("0.84", "0.96"),
    "interaction-4": ("0.83", "0.93"),
    "interaction-8": ("0.81", "0.94"),
}


def page(found: dict[str, Any]) -> str:
    """The tables as Markdown."""
    parts = ["# Object pushing"]
    shown, splits = (_success, _soon), ("seen", "novel")
    if "table1" in found:
        rows = [
            _row(name, [_errors(row["seen"]), _errors(row["novel"])], PAPER_ERRORS)
            for name, row in found["table1"].items()
        ]
        parts += [
            "## Table 1: prediction error, cm, t = 1 / t = 5",
            "Mean [95 % interval]. t = 1: after one push, from each of an episode's true states; "
            "t = 5: unrolled from its first.",
            table(("model", "seen", "novel", "paper, seen", "paper, novel"), *rows),
        ]
        regeneration = found["regeneration"]
        parts.append(
            "Novel objects, first seed, shape codes worked out anew at every push: "
            f"{_errors(regeneration['exact'])}; forward models from the ring: "
            f"{_errors(regeneration['ring'])}."
        )
    for key, title in (
        ("table2", "Table 2: success, free / obstacles, with the paper's planner"),
        ("planners", "Success by planner, generated model"),
    ):
        if key in found:
            rows = [
                _row(name, [show(row[split]) for show in shown for split in splits], PAPER_SUCCESS)
                for name, row in found[key].items()
            ]
            head = ("", *splits, *(f"{split}, soon" for split in splits))
            parts += [
                f"## {title}",
                "Within 60 pushes; soon: within 30.",
                table((*head, "paper, seen", "paper, novel"), *rows),
            ]
    if "table4" in found:
        rows = [
            _row(name, [_error(row["seen"]), _error(row["novel"])], PAPER_ABLATIONS)
            for name, row in found["table4"].items()
        ]
        parts += [
            "## Table 4: ablations, prediction error at t = 1, cm",
            table(("model", "seen", "novel", "paper, seen", "paper, novel"), *rows),
        ]
    parts.append(f"Setting: `{json.dumps(found['setting'])}`")
    return "\n\n".join(parts) + "\n"


def console(found: dict[str, Any]) -> None:
    """Show the page."""
    Console().print(Markdown(page(found)))


def _row(name: str, cells: list[str], paper: dict[str, tuple[str, str]]) -> list[str]:
    return [name, *cells, *paper.get(name, ("", ""))]


def _errors(row: dict[str, Any]) -> str:
    return " / ".join(_error(row, name) for name in ("t1", "t5"))


def _error(row: dict[str, Any], name: str = "t1") -> str:
    low, high = row["ci95"][name]
    return f"{row[name]:.2f} [{low:.2f}, {high:.2f}]"


def _soon(row: dict[str, Any]) -> str:
    return " / ".join(f"{row['within_30_pushes'][task]:.2f}" for task in ("free", "obstacles"))


def _success(row: dict[str, Any]) -> str:
    cells = []
    for task in ("free", "obstacles"):
        low, high = row["ci95"][task]
        cells.append(f"{row[task]:.2f} [{low:.2f}, {high:.2f}]")
    return " / ".join(cells)
