"""Which colour a model has in the figures of the study."""

from collections.abc import Iterable

from hyperdyn.training.presets import KINDS

PALETTE = (
    *(f"C{number}" for number in range(10)),
    *("gold", "navy", "limegreen", "salmon", "teal", "indigo", "tan"),
)
"""Matplotlib's names; enough for every model of the study."""


def colours(models: Iterable[str] = ()) -> dict[str, str]:
    """A kind's own colour in every figure, and for other models those that are left.

    Args:
        models: All that are shown.
    """
    return dict(zip(dict.fromkeys((*KINDS, *models)), PALETTE, strict=False))
