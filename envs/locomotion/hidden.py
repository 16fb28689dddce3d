"""Hidden properties of an episode: drawn, given, or changed on the way."""

import abc
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from hyperdyn.envs.contexts import property_values, require_options
from hyperdyn.errors import InputError, require_known

Properties = dict[str, Float[np.ndarray, " n"]]
"""Values by name: one a segment, a block, an actuator, or a single one."""


class HiddenProperties(abc.ABC):
    """What an environment hides: where it is drawn from, and how options choose it.

    Options are those of `reset` and of `change`: "split", and any of `property_names`. Properties
    that are given are taken; the others are drawn from the split, in a fixed order.

    Attributes:
        property_names: The hidden properties: the keys of `info["context"]` that, given back as
            reset options with the same seed, repeat an episode's start and ground exactly.
        splits: Names the option "split" takes; the first is the training distribution.
    """

    property_names: ClassVar[tuple[str, ...]]
    splits: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def _draw(self, split: str, rng: np.random.Generator) -> Properties:
        """Draw every property from a split."""

    @abc.abstractmethod
    def _checked(self, properties: Mapping[str, object]) -> Properties:
        """Read values, of some properties or all, as fresh arrays.

        Raises:
            InputError: If one has another size, or is out of range.
        """

    def _choose(
        self, options: Mapping[str, object], rng: np.random.Generator
    ) -> tuple[Properties, str]:
        """All properties, and the split they are from ("given" if none of them was drawn)."""
        given = {name: options[name] for name in self.property_names if name in options}
        if len(given) == len(self.property_names):
            if "split" in options:
                named = " and ".join(f'"{name}"' for name in given)
                raise InputError(f'Give "split" or {named}, not both: that leaves none to draw.')
            return self._checked(given), "given"
        split = str(options.get("split", self.splits[0]))
        require_known("split", split, self.splits)
        return self._checked({**self._draw(split, rng), **given}), split

    def _choose_change(
        self, options: Mapping[str, object], rng: np.random.Generator
    ) -> tuple[Properties, str]:
        """What a change sets, and the split it is from: without one, what is given and no more."""
        require_options(options, ("split", *self.property_names))
        if not options:
            raise InputError(
                f'A change sets something: give "split" or any of {", ".join(self.property_names)}.'
            )
        if "split" in options:
            return self._choose(options, rng)
        return self._checked(options), "given"

    def _choose_schedule(
        self, schedule: object, rng: np.random.Generator
    ) -> dict[int, tuple[Properties, str]]:
        """What changes after how many steps; all of it is drawn here, in the order of the steps."""
        if not isinstance(schedule, Mapping) or not all(
            isinstance(step, int | np.integer) and step > 0 and isinstance(options, Mapping)
            for step, options in schedule.items()
        ):
            raise InputError(
                'Option "schedule" maps numbers of steps (1, 2, ...) to what changes after them, '
                f'such as {{250: {{"split": "{self.splits[-1]}"}}}}; got {schedule!r}.'
            )
        return {int(step): self._choose_change(schedule[step], rng) for step in sorted(schedule)}


def property_within(
    name: str, values: object, count: int, each: str, low: float, high: float
) -> Float[np.ndarray, " count"]:
    """`property_values`, each from `low` to `high`.

    Raises:
        InputError: If they are not `count` numbers in that range.
    """
    array = property_values(name, values, count, each)
    if not ((array >= low) & (array <= high)).all():
        raise InputError(f"Option {name!r} must lie in [{low:g}, {high:g}]; got {array.tolist()}.")
    return array


def copied(properties: Properties) -> Properties:
    """The same values in arrays of their own."""
    return {name: values.copy() for name, values in properties.items()}
