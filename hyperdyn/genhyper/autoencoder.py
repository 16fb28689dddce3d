"""Policies as tokens: flat weights in equal chunks, each encoded by a map of its own."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.genhyper.noise import normal

INPUT_NOISE, CODE_NOISE = 0.001, 0.01
"""Shares of noise in weights and in codes while it is trained; Make-An-Agent's."""


class Chunks:
    """P numbers as tokens of equal length, the last one padded with zeros.

    Tokens are as few as may be, and no longer than they must: fewer zeros than tokens are added.

    Args:
        length: P.
        most: Longest chunk allowed.
    """

    def __init__(self, length: int, most: int) -> None:
        self.length = length
        self.tokens = math.ceil(length / most)
        self.width = math.ceil(length / self.tokens)

    def cut(self, flat: Float[Tensor, "B P"]) -> Float[Tensor, "B T W"]:
        """Tokens of flat vectors."""
        padded = functional.pad(flat, (0, self.tokens * self.width - self.length))
        tokens: Tensor = padded.unflatten(-1, (self.tokens, self.width))
        return tokens

    def join(self, tokens: Float[Tensor, "B T W"]) -> Float[Tensor, "B P"]:
        """Flat vectors of tokens, without what pads them; the inverse of `cut`."""
        return tokens.flatten(-2)[..., : self.length]


class PolicyAutoencoder(nn.Module):
    """Chunk -> linear -> layer norm -> token, and a linear map of each token back.

    GenHyper, section IV-A; the form is that of Make-An-Agent's released one. Each chunk has maps
    of its own; padding adds nothing to a code, and no error counts it. The norm bounds codes: an
    encoder that is trained against a discriminator cannot win by leaving for infinity. Since it
    takes a token's length away, and weights come standardised about their mean, each chunk also
    has an offset: a token's length is then what turns it from the offset.

    Args:
        length: P, weights of a policy; any number.
        chunk: Most of them in a token.
        token_dim: Width of an encoded token.
        generator: Source of the initial weights.
    """

    def __init__(
        self, length: int, *, chunk: int, token_dim: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.chunks = Chunks(length, chunk)
        tokens, width = self.chunks.tokens, self.chunks.width
        self.encoder = nn.Parameter(_uniform((tokens, width, token_dim), width, generator))
        offset = torch.randn(tokens, 1, token_dim, generator=generator)
        self.offset = nn.Parameter(offset)
        self.norm = nn.LayerNorm(token_dim)
        self.decoder = nn.Parameter(_uniform((tokens, token_dim, width), token_dim, generator))

    @property
    def code_dim(self) -> int:
        """Z, all tokens side by side."""
        return self.chunks.tokens * self.encoder.shape[-1]

    def encode(self, weights: Float[Tensor, "B P"]) -> Float[Tensor, "B Z"]:
        """Codes of standardised weights."""
        tokens = self.chunks.cut(weights).transpose(0, 1) @ self.encoder + self.offset
        code: Tensor = self.norm(tokens.transpose(0, 1)).flatten(-2)
        return code

    def decode(self, codes: Float[Tensor, "B Z"]) -> Float[Tensor, "B P"]:
        """Standardised weights of codes."""
        tokens = codes.unflatten(-1, (self.chunks.tokens, -1))
        return self.chunks.join((tokens.transpose(0, 1) @ self.decoder).transpose(0, 1))

    def loss(
        self, weights: Float[Tensor, "B P"], *, generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """Equation 1: the mean squared error of weights, with a little noise on the way.

        Args:
            weights: Standardised.
            generator: Of the noise.
        """
        code = self.encode(_disturbed(weights, INPUT_NOISE, generator))
        code = _disturbed(code, CODE_NOISE, generator)
        loss: Tensor = (self.decode(code) - weights).square().mean()
        return loss


def _disturbed(values: Tensor, share: float, generator: torch.Generator) -> Tensor:
    return (1 - share) * values + share * normal(tuple(values.shape), generator, values)


def _uniform(shape: tuple[int, ...], inputs: int, generator: torch.Generator) -> Tensor:
    drawn = 2 * torch.rand(shape, generator=generator) - 1
    return drawn / math.sqrt(inputs)
