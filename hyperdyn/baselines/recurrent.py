"""Recurrent: one shared forward model, told what a recurrent network has gathered."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.heads import Concatenation, Head
from hyperdyn.model import CodedGenerator


class GRUEncoder(nn.Module):
    """A gated recurrent unit (Cho et al., 2014) over the history; its last state is the code.

    Args:
        inputs: S + A.
        width: Z, of the state.
        generator: Source of the initial weights.
    """

    def __init__(self, inputs: int, width: int, *, generator: torch.Generator) -> None:
        super().__init__()
        # By way of "meta", so that torch's global random state is not drawn from.
        unit = nn.GRU(inputs, width, batch_first=True, device="meta")
        self.unit = unit.to_empty(device="cpu")
        for parameter in self.unit.parameters():
            nn.init.uniform_(parameter, -(width**-0.5), width**-0.5, generator=generator)

    def forward(
        self, states: Float[Tensor, "B K S"], actions: Float[Tensor, "B K A"]
    ) -> Float[Tensor, "B Z"]:
        """Read normalised histories, oldest step first, from a state of zeros."""
        _, last = self.unit(torch.cat([states, actions], dim=-1))
        state: Tensor = last[-1]
        return state


class Recurrent(CodedGenerator):
    """GRU, then MLP([s, a, h]) (paper, section 4.2, after Sanchez-Gonzalez et al., 2018).

    The paper says no more than that GRUs encode the history of interactions, and that the forward
    model has the sizes of the generated one. Open, and chosen here: the state h is as wide as the
    other encoders' last hidden layer, and goes into the forward model whole, with no narrow code
    between (`code_dim` is not used). It begins at zero and reads the same K steps as the others,
    not the whole episode. While a trajectory is predicted it stays as it is: that is how the others
    hold their codes too, and what lets all of them be rolled out alike.
    """

    kind = "recurrent"

    def _make_encoder(self, generator: torch.Generator) -> nn.Module:
        inputs = self.config.state_space.dim + self.config.action_dim
        return GRUEncoder(inputs, self.config.encoder_hidden[-1], generator=generator)

    def _make_head(self, generator: torch.Generator) -> Head:
        width = self.config.encoder_hidden[-1]
        return Concatenation(width, self.config.network, generator=generator)
