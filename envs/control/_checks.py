"""What the batched problems check about their arguments."""

import math

from torch import Tensor

from hyperdyn.errors import InputError


def require_positive(name: str, values: tuple[float, ...]) -> None:
    """Refuse properties that are not positive numbers, one a system.

    Raises:
        InputError: With the property and its values.
    """
    if not values or not all(math.isfinite(value) and value > 0 for value in values):
        raise InputError(f"{name} must be positive numbers, one for each system; got {values!r}.")


def require_rollout(states: Tensor, actions: Tensor, sizes: tuple[int, int, int]) -> None:
    """Refuse states and actions whose shapes are not those of E, S and A.

    Raises:
        InputError: With the shapes given and wanted.
    """
    E, S, A = sizes
    if tuple(states.shape) != (E, S) or actions.ndim != 4 or actions.shape[::3] != (E, A):
        raise InputError(
            f"rollout got states of shape {tuple(states.shape)} and actions of shape "
            f"{tuple(actions.shape)}; wanted (E, S) = {(E, S)} and (E, N, H, A) with E = {E}, "
            f"A = {A}."
        )
