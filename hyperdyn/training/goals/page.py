"""What policies for goals reached, for people: on a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from hyperdyn.training.pages import setting_parts, table

SUCCESS = (
    "Share of trials in which the simulator has the object within 4 cm of the goal after a push "
    "[95 % bootstrap interval over trials, each training seed within itself], on objects of the "
    "split, goals and tables that no demonstration had. Weights are written at every step, or once "
    "a rollout; a policy that writes none, or from the goal alone, has but one way."
)
DETECTOR = (
    "Stop detector: latents nearer than a threshold that was found on training demonstrations. "
    "After single pushes: the share of moments that it tells rightly, of those it tells of that "
    "are arrivals (precision), and of arrivals that it tells of (recall); an arrival is an object "
    "within {tolerance:.0f} cm of the goal. Over trials: the same, where a trial counts as told of "
    "if it fires after any push. Stopped: success if rollouts ended where it first fires."
)
PLANNING = (
    "iCEM over the dynamics that a packaged pushing model generates, with so many candidates in "
    "each of so many rounds. Candidates of the first round are the planner's own noise, or come "
    "from the hand-written proposal that pushes are planned with else; with the policy, half of "
    "them are its rollouts in the generated dynamics instead. Same trials for all."
)


def page(found: Mapping[str, Any]) -> str:
    """The tables as Markdown."""
    parts = ["# Policies for goals"]
    if found.get("goals"):
        parts += [SUCCESS]
        for scene, presets in found["goals"].items():
            rows = [
                (preset, writing, row)
                for preset, writings in presets.items()
                for writing, row in writings.items()
            ]
            tolerance = 100 * rows[0][2]["detector"]["tolerance"]
            parts += [f"## Goals as {scene}", table(*_successes(rows))]
            parts += [DETECTOR.format(tolerance=tolerance), table(*_detectors(rows))]
    if found.get("planning"):
        parts += ["## With a planner", PLANNING, table(*_planning(found["planning"]))]
    return "\n\n".join([*parts, *setting_parts(found)]) + "\n"


Rows = Sequence[tuple[str, str, Mapping[str, Any]]]
"""Policy, how its weights are written, and its numbers."""


def _successes(rows: Rows) -> list[list[str]]:
    lines = [["policy", "weights", "success", "by seed", "cm from the goal", "off the table"]]
    for policy, writing, row in rows:
        seeds = ", ".join(f"{share:.2f}" for share in row["by_seed"])
        distance, left = f"{100 * row['distance']:.1f}", f"{row['left_table']:.2f}"
        lines.append([policy, writing, _interval(row), seeds, distance, left])
    return lines


def _detectors(rows: Rows) -> list[list[str]]:
    numbers = ("accuracy", "precision", "recall")
    lines = [["policy", "weights", *[f"pushes: {n}" for n in numbers]]]
    lines[0] += [*[f"trials: {n}" for n in numbers], "stopped"]
    for policy, writing, row in rows:
        scores = row["detector"]
        shares = [_share(scores[over][n]) for over in ("pushes", "trials") for n in numbers]
        lines.append([policy, writing, *shares, _interval(scores["stopped"])])
    return lines


def _planning(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    lines = [["candidates", "from", "policy", "success", "cm from the goal"]]
    for row in rows:
        drawn = f"{row['samples']} x {row['rounds']}"
        distance = f"{100 * row['distance']:.1f}"
        lines.append([drawn, row["candidates"], row["policy"], _interval(row), distance])
    return lines


def _interval(row: Mapping[str, Any]) -> str:
    low, high = row["ci95"]
    return f"{row['success']:.2f} [{low:.2f}, {high:.2f}]"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
