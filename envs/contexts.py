"""Hidden properties: the ranges they are drawn from, and the `reset(options=...)` that set them."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float

from hyperdyn.errors import InputError, UnknownNameError, require_known

SPLITS = ("seen", "novel", "novel-low", "novel-high")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PropertyRange:
    """Where one hidden property is drawn from in training and on either side of it.

    Attributes:
        seen: Lower and upper end of the training range.
        novel_low: The held-out range below it.
        novel_high: The held-out range above it.
    """

    seen: tuple[float, float]
    novel_low: tuple[float, float]
    novel_high: tuple[float, float]

    def draw(self, split: str, count: int, rng: np.random.Generator) -> Float[np.ndarray, " count"]:
        """Draw `count` independent values, uniform over a split.

        Args:
            split: One of `SPLITS`; "novel" takes either held-out side with probability one half,
                anew for each value.
            count: How many values.
            rng: The source of every draw.

        Raises:
            UnknownNameError: If `split` is not one of `SPLITS`.
        """
        require_known("split", split, SPLITS)
        if split == "novel":
            high = rng.random(count) < 0.5
            return np.where(
                high, rng.uniform(*self.novel_high, count), rng.uniform(*self.novel_low, count)
            )
        sides = {"seen": self.seen, "novel-low": self.novel_low, "novel-high": self.novel_high}
        return rng.uniform(*sides[split], count)


def require_options(options: Mapping[str, object], valid: Iterable[str]) -> None:
    """Refuse `reset(options=...)` keys an environment does not know.

    Raises:
        InputError: With the valid keys and, where one is close, the nearest.
    """
    for key in options:
        try:
            require_known("reset option", key, valid)
        except UnknownNameError as error:
            raise InputError(str(error)) from None


def property_values(
    name: str, values: object, count: int, each: str
) -> Float[np.ndarray, " count"]:
    """Read explicit values of a property out of a reset option.

    Args:
        name: The option's key, for the error text.
        values: What the caller gave: a sequence of `count` finite numbers; one number
            alone will do where `count` is 1.
        count: How many there must be.
        each: What each belongs to, for the error text.

    Returns:
        A float64 copy.

    Raises:
        InputError: If they are not `count` finite numbers.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = None
    if array is not None and array.shape == () and count == 1:
        array = array.reshape(1)
    if array is None or array.shape != (count,):
        given = repr(values) if array is None else f"an array of shape {array.shape}"
        raise InputError(
            f"Option {name!r} must be {count} numbers, one for each {each}; got {given}."
        )
    if not np.isfinite(array).all():
        raise InputError(f"Option {name!r} must be finite; got {array.tolist()}.")
    return array
