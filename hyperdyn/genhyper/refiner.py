"""The network of HypFormer: attention across the samples of one task, and of no other."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.genhyper.config import RefinerConfig
from hyperdyn.policies.layers import linear, two_layers


class Attention(nn.Module):
    """One layer of a transformer's encoder, without positions: tokens attend, then each is mapped.

    Args:
        width: Of a token.
        heads: Of the attention.
        feedforward_dim: Hidden width of the map.
        generator: Source of the initial weights.
    """

    def __init__(
        self, width: int, *, heads: int, feedforward_dim: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self._heads = heads
        self.inwards = linear(width, 3 * width, generator)
        self.outwards = linear(width, width, generator)
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feedforward = two_layers(width, feedforward_dim, width, generator)

    def forward(self, tokens: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Tokens of a row attend to those of the same row."""
        parts = self.inwards(tokens).unflatten(-1, (3, self._heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each [B, heads, T, D / heads]
        mixed = functional.scaled_dot_product_attention(query, key, value)
        told = self.outwards(mixed.transpose(1, 2).flatten(-2))
        tokens = self.first_norm(tokens + told)
        found: Tensor = self.second_norm(tokens + self.feedforward(tokens))
        return found


class Refiner(nn.Module):
    """Tokens [learnt, Ẑ₁ … Ẑ_L, condition] -> attention -> shared MLP -> latent and residual heads.

    GenHyper, section V-B. Both heads' tokens are averaged over the row.

    Args:
        config: Sizes.
        code_dim: Z.
        read_dim: R, numbers of a condition as it is read.
        generator: Source of the initial weights.
    """

    def __init__(
        self, config: RefinerConfig, *, code_dim: int, read_dim: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        width = config.token_dim
        self.learnt = nn.Parameter(torch.randn(width, generator=generator) * width**-0.5)
        self.codes = two_layers(code_dim, width, width, generator)
        self.conditions = two_layers(read_dim, width, width, generator)
        self.attention = Attention(
            width,
            heads=config.attention_heads,
            feedforward_dim=config.feedforward_dim,
            generator=generator,
        )
        self.shared = two_layers(width, width, width, generator)
        self.latent_head = two_layers(width, width, code_dim, generator)
        self.residual_head = two_layers(width, width, code_dim, generator)

    def enhanced(
        self, codes: Float[Tensor, "B L Z"], read: Float[Tensor, "B R"]
    ) -> Float[Tensor, "B T D"]:
        """What attention makes of the tokens, T = L + 2 a row.

        Args:
            codes: Samples of one task in each row, in any order.
            read: The rows' conditions, as they are read.
        """
        learnt = self.learnt.expand(len(codes), 1, -1)
        tokens = torch.cat((learnt, self.codes(codes), self.conditions(read)[:, None]), 1)
        found: Tensor = self.shared(self.attention(tokens))
        return found

    def forward(
        self, codes: Float[Tensor, "B L Z"], read: Float[Tensor, "B R"]
    ) -> tuple[Float[Tensor, "B Z"], Float[Tensor, "B Z"]]:
        """The latent that is foretold, and the residue that is to be added; see `enhanced`."""
        tokens = self.enhanced(codes, read)
        return self.latent_head(tokens).mean(1), self.residual_head(tokens).mean(1)
