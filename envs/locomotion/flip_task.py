"""What the flip tasks share: motors connected the wrong way round, on flat ground."""

import abc
from collections.abc import Mapping
from typing import ClassVar

import mujoco
import numpy as np

from hyperdyn.envs.locomotion.base import LocomotionEnv
from hyperdyn.envs.locomotion.ground import add_flat
from hyperdyn.envs.locomotion.hidden import Properties, property_within
from hyperdyn.envs.locomotion.paint import paint
from hyperdyn.errors import InputError

FLIPPED = {"seen": (0, 1), "moderate": (2, 2), "extreme": (3, 3)}  # motors, from and to
BLUE = np.array([0.15, 0.30, 0.75])


class FlipTask(LocomotionEnv, abc.ABC):
    """Run on flat ground with motors that turn the other way than the action says.

    The effect of an action is its product with the hidden sign: what a model whose weights depend
    on the context can write down, and one that adds the context to its input cannot.

    Reset options:
        split: "seen" (the default: no motor or one, with equal probability for each of these),
            "moderate" (two) or "extreme" (three); which, with equal probability.
        signs: For each action 1, or -1 if its motor is flipped.

    `info["context"]` has "signs" and "split".

    Args:
        render_mode: None or "rgb_array".
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.
    """

    property_names: ClassVar[tuple[str, ...]] = ("signs",)
    splits: ClassVar[tuple[str, ...]] = tuple(FLIPPED)

    def _draw(self, split: str, rng: np.random.Generator) -> Properties:
        actions = len(self.action_names)
        least, most = FLIPPED[split]
        signs = np.ones(actions)
        # Places beyond the last motor stand for none.
        which = rng.choice(actions + most - least, most, replace=False)
        signs[which[which < actions]] = -1.0
        return {"signs": signs}

    def _checked(self, properties: Mapping[str, object]) -> Properties:
        values = properties["signs"]
        array = property_within("signs", values, len(self.action_names), "action", -1.0, 1.0)
        if not (np.abs(array) == 1).all():
            raise InputError(f"Option 'signs' must be 1 or -1 each; got {array.tolist()}.")
        return {"signs": array}

    def _fit(self, spec: mujoco.MjSpec) -> None:
        for name, sign in zip(self.action_names, self._properties["signs"], strict=True):
            if sign < 0:
                spec.actuator(name).gear[0] *= -1.0
                paint(spec.joint(name).parent, BLUE)
        add_flat(spec, self.surface)
