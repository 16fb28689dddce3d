"""Codes of objects as a function of their yaw, computed once and looked up."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.perception.errors import PerceptionError


@dataclass(frozen=True)
class YawRing:
    """Codes of E objects at R evenly spaced turns from 0, looked up in between.

    Planar pushing turns objects about the upright axis only, so that a planner needs codes on a
    circle: R codes replace one crop and one convolution a candidate and step.

    Raises:
        PerceptionError: If there are fewer than four turns.
    """

    codes: Float[Tensor, "E R Z"]
    """Codes at the turns 0, 2π/R, 4π/R …"""

    def __post_init__(self) -> None:
        """Check that there is a ring."""
        if self.codes.ndim != 3 or self.codes.shape[1] < 4:
            raise PerceptionError(
                f"YawRing got codes of shape {tuple(self.codes.shape)}; give (E, R, Z) with at "
                "least four turns R."
            )

    @staticmethod
    def turns(count: int, *, device: torch.device | str = "cpu") -> Float[Tensor, " R"]:
        """The turns a ring of R codes stands at, radians."""
        return torch.arange(count, device=device) * (2 * math.pi / count)

    def at(self, yaw: Float[Tensor, "E N"]) -> Float[Tensor, "E N Z"]:
        """Codes at any turns, cubic (Catmull–Rom) between the nearest four.

        Args:
            yaw: How far each object is turned from how it was seen, radians, any number of rounds.
        """
        count = self.codes.shape[1]
        place = yaw * (count / (2 * math.pi))
        first = place.floor()
        t = (place - first)[..., None]
        index = first.long()
        systems = torch.arange(len(yaw), device=yaw.device)[:, None]
        before, left, right, after = (
            self.codes[systems, (index + shift).remainder(count)] for shift in (-1, 0, 1, 2)
        )
        slope_left, slope_right = (right - before) / 2, (after - left) / 2
        bend = 2 * (left - right) + slope_left + slope_right
        rise = right - left - slope_left - bend
        return left + t * (slope_left + t * (rise + t * bend))

    def error(self, yaw: Float[Tensor, "E N"], exact: Float[Tensor, "E N Z"]) -> float:
        """Root mean square difference to exact codes, over their spread along the ring."""
        spread = (self.codes - self.codes.mean(1, keepdim=True)).square().mean().sqrt()
        difference = (self.at(yaw) - exact).square().mean().sqrt()
        return float(difference / spread.clamp(min=1e-12))
