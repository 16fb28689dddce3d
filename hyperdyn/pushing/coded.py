"""Forward models made from a code: HyperDynamics, and its rivals that condition one network."""

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.encoders import InteractionEncoder
from hyperdyn.heads import Concatenation, Head
from hyperdyn.networks import MLPSpec
from hyperdyn.pushing.predictor import Predictor, Watched
from hyperdyn.pushing.state import ACTION_DIM, NUM_INPUTS, STATE_SPACE


class Coded(Predictor):
    """z = [z_int, z_vis] through a head (paper, section 3: z_int ∈ R², z_vis ∈ R⁸).

    Args:
        spec: Sizes of the forward models.
        turned_dim: Width of z_vis.
        head: What makes a forward model of a code; its width less `turned_dim` is that of z_int.
        pushes: K.
        encoder_hidden: Hidden widths of the interaction encoder (paper: 8).
        activation: Of the interaction encoder.
        generator: Source of the encoder's first weights.
    """

    def __init__(
        self,
        spec: MLPSpec,
        turned_dim: int,
        head: Head,
        *,
        pushes: int,
        encoder_hidden: tuple[int, ...],
        activation: str,
        generator: torch.Generator,
    ) -> None:
        super().__init__(spec, turned_dim)
        self.encoder = InteractionEncoder(
            pushes,
            NUM_INPUTS - ACTION_DIM + STATE_SPACE.dim,
            ACTION_DIM,
            hidden=encoder_hidden,
            code_dim=head.code_dim - turned_dim,
            activation=activation,
            generator=generator,
        )
        self.head = head

    def watch(self, watched: Watched) -> Float[Tensor, "E C"]:
        """z_int."""
        seen, actions = watched.inputs.split((NUM_INPUTS - ACTION_DIM, ACTION_DIM), dim=-1)
        code: Tensor = self.encoder(torch.cat([seen, watched.changes], dim=-1), actions)
        return code

    def changes(
        self,
        kept: Float[Tensor, "E C"],
        turned: Float[Tensor, "E N Z"],
        inputs: Float[Tensor, "E N I"],
    ) -> Float[Tensor, "E N S"]:
        """In the basis form: no weights are written out."""
        code = torch.cat([kept[:, None].expand(-1, turned.shape[1], -1), turned], dim=-1)
        changes: Tensor = self.head.evaluate(code.flatten(0, 1), inputs.flatten(0, 1))
        return changes.reshape(*turned.shape[:2], -1)

    def parameters_from(
        self, kept: Float[Tensor, "E C"], turned: Float[Tensor, "E Z"]
    ) -> Float[Tensor, "E P"]:
        """What the head writes for [z_int, z_vis]."""
        parameters: Tensor = self.head(torch.cat([kept, turned], dim=-1))
        return parameters


class XYZ(Predictor):
    """One network for all objects, told neither shape nor interactions (paper, section 4.1).

    It sees the state with the orientation, as cosine and sine of the yaw.

    Args:
        spec: Sizes of the forward model.
        generator: Source of the first weights.
    """

    looks = False

    def __init__(self, spec: MLPSpec, *, generator: torch.Generator) -> None:
        super().__init__(spec, 2)
        self.head = Concatenation(2, spec, generator=generator)

    def watch(self, watched: Watched) -> Float[Tensor, "E 0"]:
        """Nothing."""
        return watched.inputs.new_zeros(len(watched.inputs), 0)

    def changes(
        self,
        kept: Float[Tensor, "E 0"],
        turned: Float[Tensor, "E N 2"],
        inputs: Float[Tensor, "E N I"],
    ) -> Float[Tensor, "E N S"]:
        """The same network on every input."""
        changes: Tensor = self.head.evaluate(turned.flatten(0, 1), inputs.flatten(0, 1))
        return changes.reshape(*turned.shape[:2], -1)

    def parameters_from(
        self, kept: Float[Tensor, "E 0"], turned: Float[Tensor, "E 2"]
    ) -> Float[Tensor, "E P"]:
        """The network, its first bias shifted by the orientation."""
        parameters: Tensor = self.head(turned)
        return parameters
