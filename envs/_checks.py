"""What our environments check about pictures and actions."""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from hyperdyn.errors import InputError

MOST_WIDTH, MOST_HEIGHT = 1920, 1080


def require_picture(render_mode: str | None, width: int, height: int) -> tuple[int, int]:
    """Return the size of the pictures (pixels), if there can be such.

    Raises:
        InputError: If the render mode is neither None nor "rgb_array", or a picture would have no
            or too many pixels.
    """
    if render_mode not in (None, "rgb_array"):
        raise InputError(f'render_mode must be None or "rgb_array"; got {render_mode!r}.')
    if not (1 <= width <= MOST_WIDTH and 1 <= height <= MOST_HEIGHT):
        raise InputError(
            f"Pictures are 1x1 to {MOST_WIDTH}x{MOST_HEIGHT} pixels; got {width}x{height}."
        )
    return width, height


def clipped_action(action: ArrayLike, names: tuple[str, ...]) -> Float[np.ndarray, " A"]:
    """Return an action clipped to [-1, 1], as a new array.

    Args:
        action: What an agent gave.
        names: What each entry is.

    Raises:
        InputError: If it has not one finite number for each name.
    """
    try:
        values = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"An action is an array of numbers; got {action!r}.") from None
    if values.shape != (len(names),):
        raise InputError(
            f"An action has shape ({len(names)},), {', '.join(names)}; got {values.shape}."
        )
    if not np.isfinite(values).all():
        raise InputError(f"Actions must be finite; got {values.tolist()}.")
    return np.minimum(np.maximum(values, -1.0), 1.0)
