"""Random shooting: draw action sequences, roll them out, take the best."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.planners import sampling
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.planner import Planner


@dataclass(frozen=True, kw_only=True)
class RandomShooting(Planner[ActionBox]):
    """One round of independent uniform candidates; the best one wins.

    The defaults are the paper's: 500 sequences of 20 steps (HyperDynamics, sections 3.3 and 4.2).
    A proposal replaces the uniform draw.
    """

    draws_within_bounds: ClassVar[bool] = True

    @property
    def iterations(self) -> int:
        """One round: there is nothing to learn from one for the next."""
        return 1

    def initial(self, box: ActionBox, nominal: Float[Tensor, "E H A"]) -> ActionBox:
        """Start from the bounds alone."""
        return box

    def sample(
        self, params: ActionBox, n: int, generator: torch.Generator
    ) -> Float[Tensor, "E n H A"]:
        """Draw every action uniformly within the bounds, independent of all others."""
        return sampling.uniform(params.systems, n, within=params.bounds, generator=generator)

    def update(
        self, params: ActionBox, actions: Float[Tensor, "E N H A"], returns: Float[Tensor, "E N"]
    ) -> ActionBox:
        """Keep the bounds as they are."""
        return params
