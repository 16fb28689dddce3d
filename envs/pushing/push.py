"""Push an object to a goal on a free table."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects import PushObject
from hyperdyn.envs.pushing.base import PushEnv
from hyperdyn.envs.pushing.layout import Course, draw_start, free_course


class Push(PushEnv):
    """Push an object to a goal 5 to 25 cm away; see `PushEnv`."""

    def _lay_out(
        self, shape: PushObject, pool: Sequence[str], goal: Float[np.ndarray, "2"] | None
    ) -> tuple[Course, tuple[PushObject, ...]]:
        return free_course(draw_start(self.np_random), goal, self.np_random), ()
