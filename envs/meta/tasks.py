"""The published task lists of Cheetah-Vel and Ant-Dir, and which of the tasks are for testing."""

import dataclasses
import math

import numpy as np

from hyperdyn.errors import InputError

SPLITS = ("train", "test")

# The 50 directions in the task files released with Prompt-DT (Xu et al., 2022), rad.
_DIRECTIONS = (
    *(1.2034, 0.4266, 4.9448, 4.1239, 4.0057, 3.6166, 0.2454, 2.2482, 5.9419, 0.3773),
    *(5.4289, 5.5122, 0.3217, 4.0993, 3.4668, 3.7543, 3.0381, 1.7781, 1.8707, 3.5281),
    *(2.4884, 4.9556, 2.6294, 0.9042, 0.9482, 0.3471, 4.5116, 1.8367, 1.2489, 5.2236),
    *(3.5688, 0.5174, 3.4243, 0.9988, 4.2522, 0.7444, 2.7960, 5.5794, 5.0094, 0.4271),
    *(6.0368, 4.1419, 4.5162, 4.6720, 5.5778, 0.8416, 4.8819, 5.2653, 5.2107, 0.1832),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """Tasks that share a body and differ in one number of the reward."""

    name: str
    """Such as "cheetah-vel"."""
    env_id: str
    """Of its environment."""
    variable: str
    """What the number is: "velocity" (m/s) or "direction" (rad)."""
    bounds: tuple[float, float]
    """Between which it may be set; the published tasks lie inside."""
    values: tuple[float, ...]
    """Of each published task, by its index."""
    test: tuple[int, ...]
    """Indices of the held-out tasks; all the others are for training."""

    def ids(self, split: str) -> tuple[int, ...]:
        """Indices of a split, "train" or "test"."""
        if split == "test":
            return self.test
        return tuple(i for i in range(len(self.values)) if i not in self.test)

    def training(self, count: int) -> tuple[int, ...]:
        """A number of training tasks, evenly spaced among them by value; their indices, ascending.

        The papers that train on fewer tasks do not say which.

        Raises:
            InputError: If there are not so many.
        """
        ids = sorted(self.ids("train"), key=lambda i: self.values[i])
        if not 1 <= count <= len(ids):
            raise InputError(f"{self.name} has {len(ids)} training tasks; got {count}.")
        places = (np.arange(count) + 0.5) * len(ids) / count
        return tuple(sorted(ids[int(place)] for place in places))


FAMILIES = {
    family.name: family
    for family in (
        # MACAW (Mitchell et al., 2021): 40 velocities, evenly spaced.
        Family(
            name="cheetah-vel",
            env_id="hyperdyn/CheetahVel-v0",
            variable="velocity",
            bounds=(0.0, 3.0),
            values=tuple(round(0.075 * (i + 1), 3) for i in range(40)),
            test=(2, 7, 15, 23, 26),
        ),
        Family(
            name="ant-dir",
            env_id="hyperdyn/AntDir-v0",
            variable="direction",
            bounds=(0.0, 2 * math.pi),
            values=_DIRECTIONS,
            test=(6, 17, 23, 30, 41),
        ),
    )
}
"""By name. MACAW and Prompt-DT share the test indices."""
