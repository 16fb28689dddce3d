"""Push an object to a goal around two others."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects import PushObject, load_object
from hyperdyn.envs.pushing.base import PushEnv
from hyperdyn.envs.pushing.layout import Course, obstacle_course


class PushObstacles(PushEnv):
    """Push an object to a goal 24 to 40 cm away, with an obstacle in the way and one beside it.

    Obstacles come from the same ids as the object, with the middle of the ranges as their mass and
    friction; they can be moved, but touching one with the object ends the episode. See `PushEnv`.
    """

    def _lay_out(
        self, shape: PushObject, pool: Sequence[str], goal: Float[np.ndarray, "2"] | None
    ) -> tuple[Course, tuple[PushObject, ...]]:
        first, second = (
            load_object(pool[int(self.np_random.integers(len(pool)))]) for _ in range(2)
        )
        radii = (shape.radius, first.radius, second.radius)
        return obstacle_course(radii, goal, self.np_random), (first, second)
