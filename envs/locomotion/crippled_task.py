"""What the crippled tasks share: joints that cannot be used, on flat ground."""

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

# A rotor that no torque here turns, and that comes to rest within a tenth of a second.
STUCK_ARMATURE = 1e6  # kg m^2
STUCK_DAMPING = 3e7  # times as much as the joint had
RED = np.array([0.80, 0.10, 0.10])


class CrippledTask(LocomotionEnv, abc.ABC):
    """Run on flat ground with joints that are stuck where they are at the start.

    Which joints: drawn with equal probability from the groups of a split. With `locked=False` the
    joint swings freely and its motor does nothing, as in the work this follows (Nagabandi et al.
    2019, "Learning to Adapt in Dynamic, Real-World Environments"; Lee et al. 2020, CaDM).

    Reset options:
        split: One of `splits`.
        crippled: For each action 1 if its joint is crippled, else 0.

    `info["context"]` has "crippled" and "split".

    Args:
        locked: Whether crippled joints are stuck, rather than limp.
        render_mode: None or "rgb_array".
        width: Of the pictures, pixels.
        height: Of the pictures, pixels.

    Attributes:
        groups: For each split the groups of joints of which one is crippled.
    """

    property_names: ClassVar[tuple[str, ...]] = ("crippled",)
    groups: ClassVar[Mapping[str, tuple[tuple[str, ...], ...]]]

    def __init__(
        self,
        *,
        locked: bool = True,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 270,
    ) -> None:
        """Remember how joints are crippled."""
        super().__init__(render_mode=render_mode, width=width, height=height)
        self._locked = locked

    def _draw(self, split: str, rng: np.random.Generator) -> Properties:
        groups = self.groups[split]
        group = groups[rng.integers(len(groups))]
        return {"crippled": np.array([float(name in group) for name in self.action_names])}

    def _checked(self, properties: Mapping[str, object]) -> Properties:
        values = properties["crippled"]
        array = property_within("crippled", values, len(self.action_names), "action", 0.0, 1.0)
        if not np.isin(array, (0.0, 1.0)).all():
            raise InputError(f"Option 'crippled' must be 0 or 1 each; got {array.tolist()}.")
        return {"crippled": array}

    def _fit(self, spec: mujoco.MjSpec) -> None:
        for name, crippled in zip(self.action_names, self._properties["crippled"], strict=True):
            if crippled:
                self._cripple(spec, name)
        add_flat(spec, self.surface)

    def _cripple(self, spec: mujoco.MjSpec, name: str) -> None:
        joint = spec.joint(name)
        if self._locked:
            joint.armature = STUCK_ARMATURE
            joint.damping *= STUCK_DAMPING
        else:
            spec.actuator(name).gear[0] = 0.0
        paint(joint.parent, RED)
