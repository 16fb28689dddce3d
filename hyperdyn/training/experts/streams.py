"""The random numbers of one round: each row has a stream of its own, whatever its batch-mates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hyperdyn.training.seeds import torch_generator


class RoundStreams:
    """What T rows draw in a round, step by step; a row's numbers follow from its task and seed.

    Args:
        rows: Task and seed of each.
        number: Of the round.
        device: Where the numbers are wanted; those of other devices are others.
    """

    def __init__(
        self, rows: Sequence[tuple[int, int]], number: int, device: torch.device | str
    ) -> None:
        self._generators = [
            torch_generator(seed, "expert", task, number, device=device) for task, seed in rows
        ]
        self._device = device

    def normal(self, *shape: int) -> Tensor:
        """N(0, 1), shape (T, *shape)."""
        drawn = torch.empty(len(self._generators), *shape, device=self._device)
        for row, generator in zip(drawn, self._generators, strict=True):
            row.normal_(generator=generator)
        return drawn

    def uniform(self, *shape: int) -> Tensor:
        """U[0, 1), shape (T, *shape)."""
        drawn = torch.empty(len(self._generators), *shape, device=self._device)
        for row, generator in zip(drawn, self._generators, strict=True):
            row.uniform_(generator=generator)
        return drawn
