"""How data is pushed: mostly at the object, sometimes anywhere."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hyperdyn.envs.pushing.base import MAX_PUSH


@dataclass(frozen=True, kw_only=True)
class PushingPolicy:
    """Random pushes (HyperDynamics, appendix A.1).

    Attributes:
        at_object: Probability of a push towards a point drawn from the object's bounding box; the
            others go in a random direction.
        magnitudes: Shortest and longest displacement of the rod, m.
    """

    at_object: float = 0.8
    magnitudes: tuple[float, float] = (0.03, 0.06)

    def act(
        self,
        rod: Float[np.ndarray, "3"],
        box: Float[np.ndarray, "6"],
        rng: np.random.Generator,
    ) -> Float[np.ndarray, "3"]:
        """Draw a push.

        Args:
            rod: The rod's tip, m.
            box: Lowest and highest corner of the object's axis-aligned box, m.
            rng: The source of every draw.

        Returns:
            An action of the pushing environments, in [-1, 1]; the third entry is 0.
        """
        angle = rng.uniform(-math.pi, math.pi)
        if rng.random() < self.at_object:
            x, y = rng.uniform(box[:2], box[3:5]) - rod[:2]
            angle = math.atan2(y, x)
        length = rng.uniform(*self.magnitudes) / MAX_PUSH
        return length * np.array([math.cos(angle), math.sin(angle), 0.0])
