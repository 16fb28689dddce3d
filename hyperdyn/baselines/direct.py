"""Direct: one shared forward model that takes the code as a further input (paper, section 4.1)."""

import torch

from hyperdyn.heads import Concatenation, Head
from hyperdyn.model import CodedGenerator


class Direct(CodedGenerator):
    """MLP([s, a, z])."""

    kind = "direct"

    def _make_head(self, generator: torch.Generator) -> Head:
        return Concatenation(self.config.code_dim, self.config.network, generator=generator)
