"""How many steps a curve takes to come near an expert, and how two such numbers compare.

A run that has not come there within its steps is censored: the number is unknown, and above them.
Medians bear that as long as fewer than half of the rows are; nothing is extrapolated.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from hyperdyn.training.tuning.tuned import Tuned

SHARE = 0.9
RESAMPLES = 2000


def goal(expert: float) -> float:
    """The return that counts as an expert's: nine tenths of it, or worse by a tenth of a cost."""
    return expert - (1 - SHARE) * abs(expert)


def steps_to(tuned: Tuned, experts: Mapping[int, float]) -> list[int | None]:
    """Steps of each row to the first evaluation that reaches its goal; None: not within the run.

    Args:
        tuned: Curves.
        experts: Returns of the experts, by task.
    """
    found: list[int | None] = []
    for row, task in enumerate(tuned.meta.tasks):
        reached = tuned.returns[:, row] >= goal(experts[task])
        found.append(tuned.meta.steps[int(reached.int().argmax())] if reached.any() else None)
    return found


def step_ratio(
    generated: Sequence[int | None],
    scratch: Sequence[int | None],
    *,
    budgets: tuple[int, int],
    seed: int = 0,
) -> dict[str, Any]:
    """Median steps from generated actors, over median steps from scratch.

    Args:
        generated: Steps of each row, None where they did not suffice.
        scratch: The same from scratch.
        budgets: Steps that each row had, of either; they may differ.
        seed: Of the resampling.

    Returns:
        "ratio", None if neither median is known (or scratch needed no step); "bound", how it is
        meant: "equal", "at most" (from scratch more than its budget is needed) or "at least"; and
        "ci95", a bootstrap over rows in which the budget stands for unknown steps from scratch, so
        that its ends are not too low, and None for an end that is unknown. "generated" and
        "scratch" have each side's median, rows and budget.
    """
    own, other = _known(generated), _known(scratch)
    ratio, bound = _ratio(float(np.median(own)), float(np.median(other)), budgets)
    rng = np.random.default_rng(seed)
    drawn = [
        np.median(part[rng.integers(len(part), size=(RESAMPLES, len(part)))], axis=1)
        for part in (own, other)
    ]
    # Evaluations stand at whole rounds: scratch below the first counts as the least there is.
    ratios = drawn[0] / np.maximum(np.minimum(drawn[1], budgets[1]), 1)
    ends = np.percentile(ratios, [2.5, 97.5], method="inverted_cdf")
    return {
        "ratio": ratio,
        "bound": bound,
        "ci95": [None if math.isinf(end) else float(end) for end in ends],
        "generated": _side(own, budgets[0]),
        "scratch": _side(other, budgets[1]),
    }


def _known(steps: Sequence[int | None]) -> NDArray[np.float64]:
    return np.array([math.inf if value is None else value for value in steps], dtype=np.float64)


def _ratio(own: float, other: float, budgets: tuple[int, int]) -> tuple[float | None, str | None]:
    if other == 0 or (math.isinf(own) and math.isinf(other)):
        return None, None
    if math.isinf(other):
        return own / budgets[1], "at most"
    if math.isinf(own):
        return budgets[0] / other, "at least"
    return own / other, "equal"


def _side(steps: Float[np.ndarray, " R"], budget: int) -> dict[str, Any]:
    median = float(np.median(steps))
    return {
        "median": None if math.isinf(median) else median,
        "reached": int(np.isfinite(steps).sum()),
        "rows": len(steps),
        "budget": budget,
    }
