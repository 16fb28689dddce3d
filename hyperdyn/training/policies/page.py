"""The policy tables for people: on a page beside the paper's numbers."""

from collections.abc import Mapping
from typing import Any

from hyperdyn.training.pages import setting_parts, table
from hyperdyn.training.policies.proposals_page import proposal_parts

PAPER_RETURNS: dict[str, dict[str, float]] = {
    "cheetah-speed": {
        "conditioned": 433.24,
        "uvfa": 396.86,
        "meta": 337.35,
        "pearl": 177.16,
        "hyperzero": 695.73,
        "hypogen": 819.23,
        "expert": 869.59,
    },
    "cheetah-length": {
        "conditioned": 574.70,
        "uvfa": 588.56,
        "meta": 579.41,
        "pearl": 705.07,
        "hyperzero": 895.46,
        "hypogen": 926.90,
        "expert": 963.07,
    },
    "cheetah-speed-length": {
        "conditioned": 356.68,
        "uvfa": 340.78,
        "meta": 199.63,
        "pearl": 214.65,
        "hyperzero": 602.39,
        "hypogen": 623.76,
        "expert": 927.12,
    },
    "finger-speed": {
        "conditioned": 379.66,
        "uvfa": 383.65,
        "meta": 125.89,
        "pearl": 121.49,
        "hyperzero": 596.80,
        "hypogen": 835.21,
        "expert": 975.71,
    },
    "finger-length": {
        "conditioned": 409.30,
        "uvfa": 422.62,
        "meta": 217.58,
        "pearl": 160.42,
        "hyperzero": 536.56,
        "hypogen": 657.12,
        "expert": 959.42,
    },
    "finger-speed-length": {
        "conditioned": 289.58,
        "uvfa": 287.43,
        "meta": 114.78,
        "pearl": 152.88,
        "hyperzero": 353.68,
        "hypogen": 365.85,
        "expert": 913.40,
    },
    "walker-speed": {
        "conditioned": 151.95,
        "uvfa": 115.60,
        "meta": 44.54,
        "pearl": 52.06,
        "hyperzero": 328.48,
        "hypogen": 436.26,
        "expert": 722.68,
    },
    "walker-length": {
        "conditioned": 336.71,
        "uvfa": 294.87,
        "meta": 46.22,
        "pearl": 54.13,
        "hyperzero": 642.22,
        "hypogen": 706.16,
        "expert": 897.11,
    },
    "walker-speed-length": {
        "conditioned": 186.15,
        "uvfa": 177.81,
        "meta": 44.44,
        "pearl": 53.03,
        "hyperzero": 393.93,
        "hypogen": 409.88,
        "expert": 814.43,
    },
}
"""HyPoGen, table 1: mean returns on test specifications."""

INTRODUCTION = (
    "Policies generated for specifications that were not trained on. Mean return [95 % bootstrap "
    "interval over test specifications, each split and seed within itself], its share of the "
    "expert's mean return on the same specifications, and the paper's mean (HyPoGen, table 1; it "
    "has one HyPoGen, other experts and other splits)."
)
UPDATES = (
    "Mean squared error of actions on test specifications before the first update (0) and after "
    "every one (HyPoGen, table 4, whose numbers have no stated unit)."
)


def page(found: Mapping[str, Any]) -> str:
    """The tables as Markdown."""
    parts = ["# Generated policies"]
    if found.get("table1"):
        parts += ["## Table 1: return on test specifications", INTRODUCTION]
        for task, rows in found["table1"].items():
            parts += [f"### {task}", table(*_returns(task, rows))]
    if any(found.get("updates", {}).values()):
        parts += ["## Table 4: after each update", UPDATES]
        for task, rows in found["updates"].items():
            if rows:
                parts += [f"### {task}", table(*_updates(rows))]
    if found.get("proposals"):
        parts += proposal_parts(found["proposals"])
    return "\n\n".join([*parts, *setting_parts(found)]) + "\n"


def _returns(task: str, rows: Mapping[str, Any]) -> list[list[str]]:
    lines = [["method", "return", "share of the expert", "few-shot", "paper"]]
    for method, row in rows.items():
        low, high = row["ci95"]
        share = f"{row['share']:.3f}" if "share" in row else "1"
        kind = method.split(",")[0].removesuffix("_raw").removesuffix("_latent")
        paper = PAPER_RETURNS.get(task, {}).get(kind)
        lines.append(
            [
                method,
                f"{row['mean']:.1f} [{low:.1f}, {high:.1f}]",
                share,
                "yes" if row.get("few_shot") else "",
                "" if paper is None or "," in method else f"{paper:.1f}",
            ]
        )
    return lines


def _updates(rows: Mapping[str, Any]) -> list[list[str]]:
    most = max(len(row["errors"]) for row in rows.values())
    lines = [["method", *map(str, range(most))]]
    for method, row in rows.items():
        cells = [f"{error:.4f}" for error in row["errors"]]
        lines.append([method, *cells, *[""] * (most - len(cells))])
    return lines
