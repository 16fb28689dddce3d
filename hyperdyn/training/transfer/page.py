"""The tables for people, beside the paper's numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hyperdyn.training.pages import setting_parts, table
from hyperdyn.training.transfer.paper import PAPER_OTHERS, PAPER_RETURNS, PAPER_TUNING

ZERO_SHOT = (
    "Mean return in the test tasks of policies as they were drawn, none chosen, with the 95 % "
    "bootstrap interval over samples and seeds (of experts: over episodes of each task), where "
    "there are several. *Selected* is the sample that was best on other episodes than those "
    "reported."
)
FINE_TUNING = (
    "Environment steps of soft actor-critic until the mean actions of the actors earn nine tenths "
    "of the expert's return (of a negative return: a tenth less than it), median over tasks and "
    "seeds. What was not reached within the run is never extrapolated: *more than* says so, and a "
    "ratio is then at most, or at least, what stands here."
)
DIVERSITY = (
    "How much the samples of one task differ: the root mean square over states that the expert "
    "meets of the standard deviation of their actions, and the standard deviation of their "
    "returns; means over the test tasks. The regression draws nothing."
)
PROPOSALS = (
    "Mean return of planning over the true simulator in the test tasks, equally many candidates a "
    "plan; with the 95 % bootstrap interval over episodes of each task, where there are several. "
    "The policies that help have one share of the first round's candidates together."
)


def page(found: Mapping[str, Any]) -> str:
    """The tables as Markdown."""
    parts = ["# Sampled policies"]
    for name, make in (
        ("zero_shot", _zero_shot),
        ("fine_tuning", _fine_tuning),
        ("diversity", _diversity),
        ("proposals", _proposals),
    ):
        if found.get(name):
            parts += make(found[name])
    return "\n\n".join([*parts, *setting_parts(found)]) + "\n"


def _zero_shot(by_family: Mapping[str, Any]) -> list[str]:
    parts = ["## Zero-shot", ZERO_SHOT]
    for family, found in by_family.items():
        rows = [
            [method, count, _interval(row), _interval(row["selected"]), _listed(row["seeds"])]
            for count, methods in found["by_training_tasks"].items()
            for method, row in methods.items()
        ]
        rows.append(["our experts", "", _interval(found["expert"]), "", ""])
        theirs = [("HypLatent", count, f"{mean:.1f}") for count, mean in _paper(family)]
        theirs += [(who, "", f"{mean:.1f}") for who, mean in PAPER_OTHERS[family].items()]
        rows += [[f"paper: {who}", count, mean, "", ""] for who, count, mean in theirs]
        head = ["policies of", "training tasks", "return", "selected", "seeds"]
        parts += [f"### {family}", table(head, *rows)]
    return parts


def _fine_tuning(by_family: Mapping[str, Any]) -> list[str]:
    parts = ["## Fine-tuning", FINE_TUNING]
    for family, found in by_family.items():
        if not found["runs"]:
            continue
        rows = []
        for name, row in found["runs"].items():
            ends = [f"{row['returns'][at]:.1f}" for at in (0, -1)]
            compared = ["", "", ""]
            if "against" in row:
                sides = [_side(row[who]) for who in ("generated", "scratch")]
                compared = [*sides, _ratio(row)]
            rows.append([name, str(row["steps"][-1]), *ends, *compared])
        head = ["run", "steps", "return before", "after", "steps needed", "from scratch", "ratio"]
        told = f"Paper: {PAPER_TUNING[family]}."
        parts += [f"### {family}", table(head, *rows), told]
    return parts


def _diversity(by_family: Mapping[str, Any]) -> list[str]:
    parts = ["## Diversity", DIVERSITY]
    for family, found in by_family.items():
        rows = [
            [name, str(row["samples"]), f"{row['behaviour']:.3f}", f"{row['returns']:.2f}"]
            for name, row in found.items()
        ]
        head = ["policies of", "samples", "actions", "returns"]
        parts += [f"### {family}", table(head, *rows)]
    return parts


def _proposals(by_family: Mapping[str, Any]) -> list[str]:
    parts = ["## As proposals", PROPOSALS]
    for family, by_planner in by_family.items():
        if by_planner:
            helpers = list(next(iter(by_planner.values())))
            rows = [
                [planner, *(_interval(found[name]) for name in helpers)]
                for planner, found in by_planner.items()
            ]
            parts += [f"### {family}", table(["planner", *helpers], *rows)]
    return parts


def _paper(family: str) -> Iterable[tuple[str, float]]:
    return PAPER_RETURNS[family].items()


def _interval(row: Mapping[str, Any]) -> str:
    if row["ci95"] is None:
        return f"{row['mean']:.1f}"
    low, high = row["ci95"]
    return f"{row['mean']:.1f} [{low:.1f}, {high:.1f}]"


def _side(row: Mapping[str, Any]) -> str:
    median = f"more than {row['budget']}" if row["median"] is None else f"{row['median']:.0f}"
    return f"{median} ({row['reached']} of {row['rows']} rows)"


def _ratio(row: Mapping[str, Any]) -> str:
    if row["ratio"] is None:
        return "unknown"
    low, high = ("?" if end is None else f"{end:.2f}" for end in row["ci95"])
    bound = "" if row["bound"] == "equal" else f"{row['bound']} "
    return f"{bound}{row['ratio']:.2f} [{low}, {high}]"


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
