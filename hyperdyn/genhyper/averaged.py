"""A network beside one that is trained: the moving average of its weights, which samples."""

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

LONGEST = 0.999
POWER = 0.75
"""The average forgets by 1 - (1 + step)^-0.75 a step, up to 0.999; Make-An-Agent's, whose most is
0.9999 in longer runs."""

AnyModule = TypeVar("AnyModule", bound=nn.Module)


class Averaged(nn.Module, Generic[AnyModule]):
    """Two copies: one that an optimiser moves, and the average of where it was.

    Args:
        network: The first; the average begins equal to it.
    """

    def __init__(self, network: AnyModule) -> None:
        super().__init__()
        self.trained = network
        self.mean = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the average, after an optimiser step.

        Args:
            step: Its number, from 0.
        """
        share = 1 - min(LONGEST, 1 - (1 + step) ** -POWER)
        pairs = zip(self.mean.parameters(), self.trained.parameters(), strict=True)
        for mean, now in pairs:
            mean.lerp_(now, share)
