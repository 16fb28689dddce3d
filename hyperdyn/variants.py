"""Variants of the paper's generator, after what its successors found."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.baselines.recurrent import Recurrent
from hyperdyn.heads import Head
from hyperdyn.hypernetworks import DenseHypernetwork
from hyperdyn.model import CodedGenerator


class NormalisedHead(DenseHypernetwork):
    """A hypernetwork that sees a code of which every entry has length 1.

    Each entry is squashed to an angle φ in [0, π/2] and becomes (cos φ, sin φ), so the whole has
    the length sqrt(Z), whatever the code: what is written does not grow with the code's magnitude
    (magnitude invariant parametrisation, Ortiz et al. 2023; the angle there is a known input's).

    `evaluate` and `forward` take the plain code.
    """

    def _features(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B J"]:
        angle = torch.sigmoid(code) * (math.pi / 2)
        return super()._features(torch.cat([angle.cos(), angle.sin()], dim=-1))


class NormalisedHyperDynamics(CodedGenerator):
    """`HyperDynamics` with normalised codes (`NormalisedHead`)."""

    kind = "hyperdynamics_normalised"

    def _make_head(self, generator: torch.Generator) -> Head:
        width = 2 * self.config.code_dim
        return self.config.hypernetwork(width, kind=NormalisedHead, generator=generator)


class GRUHyperDynamics(Recurrent):
    """A hypernetwork behind the recurrent baseline's encoder; from that it differs in nothing else.

    What the gated recurrent unit has gathered writes the forward model here, and is an input of it
    there. The unit's whole state is the code; `code_dim` is not used.
    """

    kind = "hyperdynamics_gru"

    def _make_head(self, generator: torch.Generator) -> Head:
        return self.config.hypernetwork(self.config.encoder_hidden[-1], generator=generator)
