"""What writes a code: an encoder of conditions, and the hour-glass that it modulates."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.genhyper.config import SamplerConfig
from hyperdyn.genhyper.hourglass import Hourglass
from hyperdyn.policies.layers import two_layers


class CodeWriter(nn.Module):
    """The hour-glass over [x, e(c)], modulated by e(c) and whatever else; e has two layers.

    Args:
        config: Sizes.
        read_dim: R, width of conditions as they are read.
        inputs: Width of x; 0 if there is none.
        outputs: Z.
        extra: Width of what else modulates.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        config: SamplerConfig,
        *,
        read_dim: int,
        inputs: int,
        outputs: int,
        extra: int = 0,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        width = config.embedding_dim
        self.encoder = two_layers(read_dim, width, width, generator)
        self.hourglass = Hourglass(
            inputs + width,
            outputs,
            widths=config.widths,
            context_dim=width + extra,
            dropout=config.dropout,
            generator=generator,
        )

    def forward(
        self,
        read: Float[Tensor, "B R"],
        x: Float[Tensor, "B I"] | None = None,
        extra: Float[Tensor, "B X"] | None = None,
        dropping: torch.Generator | None = None,
    ) -> Float[Tensor, "B Z"]:
        """Write codes.

        Args:
            read: Conditions.
            x: Input, where there is one.
            extra: What else modulates, where there is any.
            dropping: Of what is left out, in training; None: nothing is.
        """
        encoded = self.encoder(read)
        inputs = encoded if x is None else torch.cat((x, encoded), -1)
        context = encoded if extra is None else torch.cat((encoded, extra), -1)
        found: Tensor = self.hourglass(inputs, context, dropping)
        return found
