"""The suite's rewards, written for numpy arrays and torch tensors alike."""

import math
from typing import Any

VALUE_AT_MARGIN = 0.1
"""Reward of standing still, from the released configuration."""
STAND_HEIGHT, STAND_MARGIN = 1.2, 0.6


def moving(velocity: Any, target: Any) -> Any:
    """How near a velocity comes to a signed target, from 0 to 1.

    1 at the target and beyond it, `VALUE_AT_MARGIN` at rest, linear between, and 0 from a ninth of
    the target's magnitude backwards on. (Released code of HyperZero: dm_control's tolerance with
    bounds [|target|, ∞), margin |target|, linear.)

    Args:
        velocity: An array or a tensor, m/s or rad/s.
        target: Not zero; the same unit, and a shape that broadcasts.

    Returns:
        An array or tensor of the broadcast shape.
    """
    return (1.0 - (1.0 - VALUE_AT_MARGIN) * (1.0 - velocity / target)).clip(0.0, 1.0)


def standing(height: Any, upright: Any) -> Any:
    """How well a walker stands, from 0 to 1 (dm_control's walker).

    Args:
        height: Of the torso, m: arrays or tensors.
        upright: Cosine of the angle between the torso and the vertical.
    """
    below = (STAND_HEIGHT - height).clip(0.0, None) / STAND_MARGIN
    high_enough = math.e ** (math.log(0.1) * below * below)
    return (3.0 * high_enough + (1.0 + upright) / 2.0) / 4.0
