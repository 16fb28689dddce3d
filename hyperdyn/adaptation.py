"""One gradient step from shared weights, as model-agnostic meta-learning takes it."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def gradient_step(
    start: Float[Tensor, " P"],
    systems: int,
    rate: float,
    loss: Callable[[Float[Tensor, "E P"]], Tensor],
) -> Float[Tensor, "E P"]:
    """Weights of E systems, each adapted by its own part of a loss.

    Where gradients are recorded the step is differentiated through (second order).

    Args:
        start: What all begin with.
        systems: E.
        rate: Of the step.
        loss: Of the weights of all systems, a sum over them.
    """
    outside = torch.is_grad_enabled()
    with torch.enable_grad():
        own = start.expand(systems, -1)
        if not outside:
            own = own.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(own), own, create_graph=outside)
    return own - rate * slope
