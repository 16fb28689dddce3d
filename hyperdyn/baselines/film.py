"""FiLM: one shared forward model whose hidden units the code scales and shifts."""

import torch

from hyperdyn.heads import Head, Modulation
from hyperdyn.model import CodedGenerator


class FiLM(CodedGenerator):
    """Feature-wise linear modulation by a code (Perez et al., 2018)."""

    kind = "film"

    def _make_head(self, generator: torch.Generator) -> Head:
        return Modulation(self.config.code_dim, self.config.network, generator=generator)
