"""Gradients before an optimiser's step."""

from collections.abc import Iterable

import torch
from torch import nn


def clip_gradients(weights: Iterable[nn.Parameter], most: float) -> float:
    """Scale gradients whose norm, all together, is above `most` down to it.

    What is below is left alone: a factor of one costs as much as any other.

    Returns:
        The norm found; not finite where a gradient is not.
    """
    weights = list(weights)
    total = torch.nn.utils.get_total_norm([w.grad for w in weights if w.grad is not None])
    norm = total.item()
    if norm > most:
        torch.nn.utils.clip_grads_with_norm_(weights, most, total)
    return norm
