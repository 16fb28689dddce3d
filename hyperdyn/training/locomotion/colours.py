"""Which colour a model has in the figures of the study."""

from collections.abc import Iterable

from hyperdyn.training.presets import KINDS


def colours(models: Iterable[str] = ()) -> dict[str, str]:
    """Matplotlib's names: a kind's own in every figure, and for other models those that are left.

    Args:
        models: All that are shown.
    """
    return {model: f"C{number}" for number, model in enumerate(dict.fromkeys((*KINDS, *models)))}
