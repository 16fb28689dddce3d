"""The locomotion tables for people: on a page beside the paper's numbers, and on the terminal."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from hyperdyn.training.locomotion.paper import PAPER_CODES, PAPER_ERRORS, PAPER_RETURNS, Paper
from hyperdyn.training.pages import table

HEADS = {
    "table3": "Table 3: return, random shooting",
    "table5": "Table 5: ablations of the generator, return, random shooting",
    "ranges": "Beyond the paper: return on changed robots, random shooting",
    "planners": "Return by planner at equal candidates",
    "table6": "Table 6: prediction error on one fixed data set",
    "promises": "What plans promise and attain",
    "codes": "What the code says of the true property",
    "adaptation": "A change within an episode: prediction error and how long it lasts",
}
RETURNS = (
    "Interquartile mean [95 % bootstrap interval], below it mean ± standard deviation, as the "
    "paper reports."
)
LEAD = (
    " Third, of every other model: by how much hyperdynamics is ahead of it, on the systems that "
    "both met."
)
ERRORS = (
    "Episodes driven by the first {driver}. First line: mean squared error of the next state "
    "over the robot's state space, SI units, ×10⁻² (the paper's words; it gives no units). Second: "
    "the same with each column in units of the spread of its changes on the seen part, ×10⁻². "
    "Third: error of the distance travelled, open loop to the end of the horizon, cm. Means over "
    "episodes [95 % bootstrap interval]."
)
PROMISES = (
    "Plans made along episodes that the first {driver} drove, at the same moments for every model. "
    "First line: what a plan returns over its horizon when the simulator carries it out to its "
    "end. Second: what the model said it would. Third: Spearman's rank correlation of predicted "
    "and true returns of random action sequences. Fourth: the largest true return among those. "
    "Means over episodes [95 % bootstrap interval]. Fifth, of every other model: by how much the "
    "plans of hyperdynamics attain more, on the same episodes."
)
ADAPTATION = (
    "One-step errors in units of the spread of changes, on episodes that the first {driver} "
    "drives and in which the property changes between two values of the training range: level "
    "before, peak, level after, their ratio, and the steps until the error is back at the level "
    "after (“never” where it is not) [95 % bootstrap intervals over episodes]."
)
CODES = (
    "Spearman's rank correlation, over all steps of the fixed data set, between the true property "
    "under the robot and what a linear fit on the other half of the episodes reads from the code, "
    "mean of the two halves [95 % bootstrap interval over episodes]; below it the same for the "
    "code's mean over 50 steps; “–” where the property is the same throughout a half. Of every "
    "model with a code."
)


def page(found: Mapping[str, Any]) -> str:
    """The tables as Markdown."""
    parts = ["# Locomotion"]
    paper: dict[str, Paper] = {"table3": PAPER_RETURNS, "table5": PAPER_CODES}
    for key in ("table3", "table5", "ranges", "planners"):
        if found.get(key):
            parts += [f"## {HEADS[key]}", RETURNS if key == "planners" else RETURNS + LEAD]
            parts += _tables(found[key], _returns, paper.get(key, {}))
    setting = dict(found["setting"])
    driver = setting["driver"]
    for key, words, cell, theirs in (
        ("table6", ERRORS, _errors, PAPER_ERRORS),
        ("promises", PROMISES, _promises, {}),
        ("codes", CODES, _codes, {}),
    ):
        if found.get(key):
            parts += [f"## {HEADS[key]}", words.format(driver=driver)]
            parts += _tables(found[key], cell, theirs)
    if found.get("adaptation"):
        parts += [f"## {HEADS['adaptation']}", ADAPTATION.format(driver=driver)]
        parts += _adaptations(found["adaptation"])
    missing, undriven, waiting, command = (
        setting.pop(name) for name in ("missing", "undriven", "waiting", "command")
    )
    if waiting:
        named = "; ".join(f"{key}: {', '.join(tasks)}" for key, tasks in waiting.items())
        parts.append(f"Not measured yet, the same command goes on ({named}).")
    parts += [f"Left out ({where}): {why}" for where, why in undriven.items()]
    if missing:
        parts.append(f"Not trained, or not yet (seeds): {_lacking(missing)}.")
    parts += [f"Setting: `{json.dumps(setting)}`", f"Made by `{command}`"]
    return "\n\n".join(parts) + "\n"


def console(found: Mapping[str, Any]) -> None:
    """Show the page, of each cell the first line."""
    Console().print(Markdown(re.sub(r"<br>[^|]*", " ", page(found))))


def _tables(by_task: Mapping[str, Any], cell: Any, paper: Paper) -> list[str]:
    parts = []
    for task, rows in by_task.items():
        splits, theirs = list(next(iter(rows.values()))), paper.get(task, {})
        head = ["", *splits, *(("paper, seen", "paper, novel") if theirs else ())]
        blank = ("", "") if theirs else ()
        lines = [
            [name, *(cell(row[split]) for split in splits), *theirs.get(name, blank)]
            for name, row in rows.items()
        ]
        seeds = _seeds(rows)
        parts += [f"### {task}", *([seeds] if seeds else []), table(head, *lines)]
    return parts


def _seeds(rows: Mapping[str, Any]) -> str:
    """Training seeds and episodes, said once where they are alike."""
    by_text: dict[str, list[str]] = {}
    for name, row in rows.items():
        found = [
            value if "seeds" in value else next(iter(value.values())) for value in row.values()
        ]
        if "seeds" in found[0]:
            seeds = ", ".join(map(str, found[0]["seeds"]))
            episodes = sorted({value["episodes"] for value in found})
            text = f"training seeds {seeds}; {' or '.join(map(str, episodes))} episodes a cell"
            by_text.setdefault(text, []).append(name)
    if len(by_text) == 1:
        return f"All: {next(iter(by_text))}."
    return " ".join(f"{', '.join(names)}: {text}." for text, names in by_text.items())


def _returns(row: Mapping[str, Any]) -> str:
    low, high = row["ci95"]
    spread = f"{row['mean']:.1f}" + ("" if row["std"] is None else f" ± {row['std']:.1f}")
    text = f"{row['iqm']:.1f} [{low:.1f}, {high:.1f}]<br>{spread}"
    ratio = row.get("ratio")
    if ratio and ratio["ratio"] is not None:
        low, high = ratio["ci95"]
        text += f"<br>× {ratio['ratio']:.2f} [{low:.2f}, {'∞' if high is None else f'{high:.2f}'}]"
    return text + _lead(row, 1)


def _lead(row: Mapping[str, Any], digits: int) -> str:
    if "lead" not in row:
        return ""
    lead = row["lead"]
    low, high = lead["ci95"]
    return f"<br>{lead['difference']:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def _errors(row: Mapping[str, Any]) -> str:
    return _means(row, "mse", "one_step", "open_loop")


def _promises(row: Mapping[str, Any]) -> str:
    return _means(row, "attained", "promised", "rank", "best") + _lead(row, 2)


def _means(row: Mapping[str, Any], *names: str) -> str:
    parts = [row[name] for name in names]
    return "<br>".join(f"{part['mean']:.2f} {_interval(part['ci95'])}" for part in parts)


def _adaptations(by_task: Mapping[str, Any]) -> list[str]:
    parts = []
    head = ["", "before", "peak", "after", "after / before", "lag, steps", "episodes"]
    for task, rows in by_task.items():
        lines = [
            [
                name,
                *(f"{row[level]:.3f}" for level in ("before", "peak", "after")),
                f"{row['ratio']:.2f} {_interval(row['ratio_ci95'])}",
                f"{_steps(row['lag'])} [{', '.join(map(_steps, row['lag_ci95']))}]",
                str(row["episodes"]),
            ]
            for name, row in rows.items()
        ]
        parts += [f"### {task}", table(head, *lines)]
    return parts


def _steps(value: int | None) -> str:
    return "never" if value is None else str(value)


def _interval(ends: Sequence[float]) -> str:
    return f"[{ends[0]:.2f}, {ends[1]:.2f}]"


def _lacking(missing: Mapping[str, Mapping[str, Sequence[int]]]) -> str:
    """What was not trained; tasks that lack the same are named together."""
    by_text: dict[str, list[str]] = {}
    for task, models in missing.items():
        named = [f"{model} ({', '.join(map(str, seeds))})" for model, seeds in models.items()]
        by_text.setdefault(", ".join(named) or "nothing of it", []).append(task)
    return "; ".join(f"{', '.join(tasks)}: {text}" for text, tasks in by_text.items())


def _codes(row: Mapping[str, Any]) -> str:
    parts = [row[name] for name in ("code", "smoothed")]
    return "<br>".join(
        "–" if part["rank"] is None else f"{part['rank']:.2f} {_interval(part['ci95'])}"
        for part in parts
    )
