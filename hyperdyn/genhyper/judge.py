"""HypLatent's discriminator, with the head that tells the condition."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.policies.layers import linear, two_layers


class Judge(nn.Module):
    """Three hidden layers of features; from them, whether a code is an expert's, and of which task.

    GenHyper, section VI-C: a discriminator of three layers, an auxiliary network of two. What comes
    out is F before its logistic function.

    Args:
        inputs: Z.
        widths: Of the hidden layers.
        read_dim: R, numbers of a condition as it is read.
        generator: Source of the initial weights.
    """

    def __init__(
        self, inputs: int, *, widths: tuple[int, ...], read_dim: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for first, second in itertools.pairwise((inputs, *widths)):
            layers += [linear(first, second, generator), nn.GELU()]
        self.features = nn.Sequential(*layers)
        self.verdict = linear(widths[-1], 1, generator)
        self.recognition = two_layers(widths[-1], widths[-1], read_dim, generator)

    def logits(self, codes: Float[Tensor, "B Z"]) -> Float[Tensor, " B"]:
        """log(F / (1 - F)), F the probability that a code is an expert's."""
        found: Tensor = self.verdict(self.features(codes))
        return found[:, 0]

    def recognised(self, codes: Float[Tensor, "B Z"]) -> Float[Tensor, "B R"]:
        """Q: the condition, told from the features."""
        found: Tensor = self.recognition(self.features(codes))
        return found
