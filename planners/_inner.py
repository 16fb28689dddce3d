"""What a planner needs to do the rounds that are left in one compiled call."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.planners._candidates import Leaders
from hyperdyn.planners._native import rounds
from hyperdyn.planners._scoring import Scoring
from hyperdyn.planners.sampling import draw_key


@dataclass(frozen=True, eq=False)
class InnerRounds:
    """The compiled rollout of one plan, and what its rounds start from."""

    native: ModuleType
    """The functions of `_rounds`."""
    left: int
    """Rounds to do."""
    generator: torch.Generator
    """The only source of randomness."""
    fixed: tuple[Any, ...]
    """The rollout, the best plans so far, and sizes."""

    @property
    def arguments(self) -> tuple[Any, ...]:
        """First arguments of the functions; draws a key for each round, as the rounds would."""
        keys = np.array([draw_key(self.generator) for _ in range(self.left)], dtype=np.int64)
        return (*self.fixed, keys)

    @classmethod
    def of(
        cls,
        scoring: Scoring,
        leaders: Leaders,
        drawn: Float[Tensor, "E N H A"],
        left: int,
        generator: torch.Generator,
    ) -> "InnerRounds | None":
        """Prepare `left` rounds as large as the one drawn; None: they are not to be compiled."""
        E, N, H, A = drawn.shape
        scorer = scoring.inline(N, H)
        if scorer is None or leaders.addresses is None:
            return None
        native = rounds(drawn)
        if native is None:
            return None
        return cls(native, left, generator, (*scorer, leaders.addresses, (E, N, H, H * A)))
