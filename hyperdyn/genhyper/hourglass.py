"""The network that writes codes: an hour-glass with skips, which the condition modulates."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.genhyper.noise import uniform
from hyperdyn.policies.layers import linear


class Block(nn.Module):
    """gelu(norm(W x) · (1 + s(c)) + t(c)), with dropout.

    Args:
        inputs: Width of x.
        outputs: Width of what comes out.
        context_dim: Width of c.
        generator: Source of the initial weights.
    """

    def __init__(
        self, inputs: int, outputs: int, context_dim: int, *, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.linear = linear(inputs, outputs, generator)
        self.norm = nn.LayerNorm(outputs)
        self.modulation = linear(context_dim, 2 * outputs, generator)

    def forward(
        self, x: Float[Tensor, "B I"], context: Float[Tensor, "B C"], kept: Tensor | None
    ) -> Float[Tensor, "B O"]:
        """Apply it; `kept` says which numbers stay, and by how much they are raised."""
        scale, shift = self.modulation(context).chunk(2, -1)
        found = functional.gelu(self.norm(self.linear(x)) * (1 + scale) + shift)
        return found if kept is None else found * kept


class Hourglass(nn.Module):
    """Widths down to a waist and up again, each width above it added to itself across.

    The "1D U-Net" of GenHyper as its predecessor's code has it, with two differences: layer norms
    in place of batch norms, so that what is written for a task never depends on its batch-mates,
    and the context modulates every block, as in Make-An-Agent's U-Net. All samplers have this one.

    Args:
        inputs: Width of the input.
        outputs: Width of the output.
        widths: From the first to the waist.
        context_dim: Width of the context.
        dropout: Share of inner numbers that are left out in training.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        widths: tuple[int, ...],
        context_dim: int,
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        sizes = (inputs, *widths, *reversed(widths[:-1]))
        self.blocks = nn.ModuleList(
            Block(first, second, context_dim, generator=generator)
            for first, second in itertools.pairwise(sizes)
        )
        self.last = linear(sizes[-1], outputs, generator)
        self._widths, self._down = sizes[1:], len(widths) - 1

    def forward(
        self,
        x: Float[Tensor, "B I"],
        context: Float[Tensor, "B C"],
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "B O"]:
        """Apply it.

        Args:
            x: Input.
            context: What modulates the blocks.
            generator: Of what is left out, in training; None: nothing is.
        """
        skips: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = block(x, context, self._kept(len(x), self._widths[index], generator, x))
            if index < self._down:
                skips.append(x)
            elif index > self._down:
                x = x + skips.pop()
        found: Tensor = self.last(x)
        return found

    def _kept(
        self, rows: int, width: int, generator: torch.Generator | None, like: Tensor
    ) -> Tensor | None:
        if generator is None or not self.dropout:
            return None
        drawn = uniform((rows, width), generator, like)
        return (drawn >= self.dropout).to(like) / (1 - self.dropout)
