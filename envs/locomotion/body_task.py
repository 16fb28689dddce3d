"""What the body tasks share: the robot's masses and dampings scaled, on flat ground."""

import abc
from collections.abc import Mapping
from typing import ClassVar

import mujoco
import numpy as np

from hyperdyn.envs.locomotion.base import LocomotionEnv
from hyperdyn.envs.locomotion.ground import add_flat
from hyperdyn.envs.locomotion.hidden import Properties, property_within
from hyperdyn.envs.locomotion.paint import paint

LIGHT, HEAVY = np.array([1.00, 0.86, 0.55]), np.array([0.45, 0.20, 0.08])  # a fifth, five times


class BodyTask(LocomotionEnv, abc.ABC):
    """Run on flat ground with a body whose masses and joint dampings are scaled.

    The ranges are those of CaDM (Lee et al. 2020, "Context-aware Dynamics Model for Generalization
    in Model-Based Reinforcement Learning", and its released code): "seen" is its training set,
    "moderate" and "extreme" are its two test ranges. Each class says what they are, and what is
    scaled. A split has one side or two; a side is drawn with equal probability, then, each for
    itself, both factors from that side's values. With a mass goes its inertia (CaDM scales masses
    alone). Rewards, control step and episode are ours (`Cheetah`, `Ant`), not CaDM's.

    Reset options:
        split: One of `splits`.
        mass_scale: A factor in [0.1, 10].
        damping_scale: A factor in [0, 10].

    `info["context"]` has "mass_scale", "damping_scale" (arrays of one number) and "split".

    Args:
        vary_damping: Whether the damping is drawn; else its factor is 1 wherever it is not given.
        render_mode: None or "rgb_array".
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.

    Attributes:
        scales: For each split its sides, for each side its values.
    """

    property_names: ClassVar[tuple[str, ...]] = ("mass_scale", "damping_scale")
    scales: ClassVar[Mapping[str, tuple[tuple[float, ...], ...]]]

    def __init__(
        self,
        *,
        vary_damping: bool = True,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 270,
    ) -> None:
        """Remember what varies."""
        super().__init__(render_mode=render_mode, width=width, height=height)
        self._vary_damping = vary_damping

    @abc.abstractmethod
    def _power(self, name: str) -> int:
        """The power of the factors by which a body or joint is scaled: 1, -1 or 0."""

    def _draw(self, split: str, rng: np.random.Generator) -> Properties:
        sides = self.scales[split]
        side = sides[rng.integers(len(sides))]
        mass, damping = rng.choice(side, 2)
        return {
            "mass_scale": np.array([mass]),
            "damping_scale": np.array([damping if self._vary_damping else 1.0]),
        }

    def _checked(self, properties: Mapping[str, object]) -> Properties:
        least = {"mass_scale": 0.1, "damping_scale": 0.0}
        return {
            name: property_within(name, values, 1, "robot", least[name], 10.0)
            for name, values in properties.items()
        }

    def _fit(self, spec: mujoco.MjSpec) -> None:
        mass, damping = (float(self._properties[name][0]) for name in self.property_names)
        for body in spec.bodies:
            scale = mass ** self._power(body.name)
            share = np.clip((np.log(scale) / np.log(5.0) + 1) / 2, 0.0, 1.0)
            paint(body, (1 - share) * LIGHT + share * HEAVY)
            for geom in body.geoms:
                geom.density *= scale
        for joint in spec.joints:
            joint.damping *= damping ** self._power(joint.name)
        add_flat(spec, self.surface)
