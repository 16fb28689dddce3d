"""The table of proposals for people: what the page says of it."""

from collections.abc import Mapping
from typing import Any

from hyperdyn.training.pages import table
from hyperdyn.training.policies.planned import GENERATED, PROPOSAL, SABOTAGED, SAMPLING, TRUE

INTRODUCTION = (
    "A policy proposes a share of the candidates of a plan's first round. Mean return over "
    "episodes of test specifications [95 % bootstrap interval], by the number of candidates a "
    "plan; all ways of acting meet the same beginnings. “Sabotaged” is the same policy with every "
    "action turned about. The candidate ratio is how many candidates sampling alone needs, for "
    "each that the planner with the proposal has, to return what that does with the fewest; "
    "“≥” and “≤” mark bounds at the ends of what was tried. The cost of sabotage is the mean of "
    "sampling alone less sabotaged, over all numbers of candidates."
)
HEADS = {TRUE: "over true dynamics", GENERATED: "over generated dynamics"}


def proposal_parts(found: Mapping[str, Any]) -> list[str]:
    """Paragraphs and tables, in Markdown."""
    parts = ["## Proposals: how much planning a policy saves", INTRODUCTION]
    for task, methods in found.items():
        for method, row in methods.items():
            parts += [f"### {task}: {method}", _alone(row)]
            for over in (TRUE, GENERATED):
                if over in row:
                    parts += [_summary(row[over], over), _curves(row[over])]
    return parts


def _alone(found: Mapping[str, Any]) -> str:
    return f"The policy alone: {_cell(found['alone'])}; the expert: {_cell(found['expert'])}."


def _summary(found: Mapping[str, Any], over: str) -> str:
    return (
        f"Planning {HEADS[over]}: candidate ratio {found['text']}; cost of sabotage "
        f"{_cell(found['sabotage_cost'])}."
    )


def _curves(found: Mapping[str, Any]) -> str:
    counts = list(found[SAMPLING])
    lines = []
    names = {SAMPLING: "sampling alone", PROPOSAL: "with the proposal", SABOTAGED: "sabotaged"}
    for act, name in names.items():
        lines.append([name, *(_cell(found[act][count]) for count in counts)])
    return table(["candidates", *counts], *lines)


def _cell(row: Mapping[str, Any]) -> str:
    low, high = row["ci95"]
    return f"{row['mean']:.1f} [{low:.1f}, {high:.1f}]"
