"""The curves of fine-tuning: generated actors against learning from scratch."""

from pathlib import Path

import numpy as np

from hyperdyn.training.transfer.tables import TransferStudy
from hyperdyn.training.tuning.curves import goal

PANEL = (5.6, 3.8)
"""Inches."""


def draw_tuning(study: TransferStudy, file: Path) -> bool:
    """Mean return over the steps, the middle half of the rows shaded; experts and goals as lines.

    Args:
        study: The cells of its experts must have been worked out.
        file: Picture to write.

    Returns:
        Whether there was anything to draw.
    """
    from matplotlib.figure import Figure

    families = [family for family in study.families if study.curves(family)]
    if not families:
        return False
    size = (PANEL[0] * len(families), PANEL[1])
    figure = Figure(figsize=size, layout="constrained")
    for axes, family in zip(
        figure.subplots(1, len(families), squeeze=False)[0], families, strict=True
    ):
        for number, (name, run) in enumerate(study.curves(family).items()):
            steps, returns = np.array(run.tuned.meta.steps) / 1000, run.tuned.returns.numpy()
            low, high = np.percentile(returns, [25, 75], axis=1)
            axes.plot(steps, returns.mean(1), color=f"C{number}", label=name)
            axes.fill_between(steps, low, high, color=f"C{number}", alpha=0.15, lw=0)
        experts = study.expert_returns(family)
        axes.axhline(np.mean(list(experts.values())), color="k", lw=1, label="experts")
        reached = np.mean([goal(value) for value in experts.values()])
        axes.axhline(reached, color="k", lw=1, ls=":", label="nine tenths of them")
        axes.set(xlabel="thousand steps in each task", ylabel="return", title=family)
        axes.legend(fontsize=7)
    figure.savefig(file, dpi=110)
    return True
