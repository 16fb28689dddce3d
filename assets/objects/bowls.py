"""Bowls: round, conical, steep and flared."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects.revolved import FACETS, sectors
from hyperdyn.assets.objects.solids import Piece, cone

SECTORS, LEVELS = 12, 3
SAMPLES = 3  # points of the outer profile to a level


@dataclass(frozen=True, kw_only=True)
class Bowl:
    """A bowl on its foot, metres.

    Attributes:
        height: From the table to the rim.
        rim: Outer radius at the top.
        foot: Outer radius at the bottom.
        curve: Form of the profile: 1 is a cone, 2 round, 3 steep, below 1 flared.
        wall: Thickness of the wall.
        floor: Thickness of the bottom.
    """

    height: float
    rim: float
    foot: float
    curve: float
    wall: float = 0.004
    floor: float = 0.006

    def pieces(self) -> list[Piece]:
        """The bottom and the sectors of the wall, level by level."""
        # Levels lie closer together below, where the profile bends most.
        steps = np.linspace(0.0, 1.0, LEVELS * SAMPLES + 1) ** 1.5
        heights = self.floor + (self.height - self.floor) * steps
        outer = np.stack((self.radius(heights), heights), axis=1)
        slope = np.gradient(outer[:, 0], outer[:, 1])
        thickness = self.wall * np.minimum(np.hypot(1.0, slope), 3.0)  # measured horizontally
        inner = outer - np.stack((thickness, np.zeros_like(thickness)), axis=1)
        pieces = [cone(self.foot, float(outer[0, 0]), 0.0, self.floor, SECTORS * FACETS)]
        for level in range(LEVELS):
            first, last = level * SAMPLES, (level + 1) * SAMPLES
            pieces += sectors(outer[first : last + 1], inner[[first, last]], SECTORS)
        return pieces

    def radius(self, height: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Outer radius at given heights, m."""
        left = 1 - height / self.height
        share = (1 - np.clip(left, 0.0, 1.0) ** self.curve) ** (1 / self.curve)
        return np.asarray(self.foot + (self.rim - self.foot) * share)


BOWLS: dict[str, Bowl] = {
    "bowl-1": Bowl(height=0.046, rim=0.055, foot=0.024, curve=2.0),
    "bowl-2": Bowl(height=0.042, rim=0.047, foot=0.022, curve=1.0),
    "bowl-3": Bowl(height=0.056, rim=0.040, foot=0.026, curve=3.0, wall=0.005),
    "bowl-4": Bowl(height=0.030, rim=0.059, foot=0.030, curve=0.85, wall=0.005),
}
