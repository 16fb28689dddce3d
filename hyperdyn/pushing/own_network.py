"""Forward models with weights of their own for each object: adapted ones, and experts."""

import abc

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.adaptation import gradient_step
from hyperdyn.errors import InputError
from hyperdyn.networks import (
    MLPSpec,
    batched_mlp,
    default_parameters,
    join_parameters,
    split_parameters,
)
from hyperdyn.pushing.predictor import Predictor, Watched
from hyperdyn.pushing.state import change_weights


class OwnNetwork(Predictor, abc.ABC):
    """Networks MLP([x, turned]); what is kept of an object are the parameters of its own.

    Args:
        spec: Sizes of the forward models, without what tells the orientation.
        turned_dim: Width of that.
    """

    def __init__(self, spec: MLPSpec, turned_dim: int) -> None:
        super().__init__(spec, turned_dim)
        self.wide = widened(spec, turned_dim)

    def changes(
        self,
        kept: Float[Tensor, "E C"],
        turned: Float[Tensor, "E N Z"],
        inputs: Float[Tensor, "E N I"],
    ) -> Float[Tensor, "E N S"]:
        """Each object's own network."""
        return batched_mlp(self.wide, kept, torch.cat([inputs, turned], dim=-1))

    def parameters_from(
        self, kept: Float[Tensor, "E C"], turned: Float[Tensor, "E Z"]
    ) -> Float[Tensor, "E P"]:
        """The network, with the orientation moved into the first bias."""
        layers = split_parameters(self.wide, kept)
        layers[0] = absorbed(*layers[0], turned)
        return join_parameters(layers)


def widened(spec: MLPSpec, extra: int) -> MLPSpec:
    """A network with further inputs behind its own."""
    first, *others = spec.sizes
    return MLPSpec(sizes=(first + extra, *others), activation=spec.activation)


def absorbed(
    weight: Float[Tensor, "E O I"], bias: Float[Tensor, "E O"], values: Float[Tensor, "E Z"]
) -> tuple[Tensor, Tensor]:
    """A layer whose last Z inputs are fixed to values."""
    own, fixed = weight.split((weight.shape[-1] - values.shape[-1], values.shape[-1]), dim=-1)
    return own, bias + torch.einsum("eoz,ez->eo", fixed, values)


class Adapted(OwnNetwork):
    """MB-MAML: one gradient step on the interactions, from weights trained to be a good start.

    Nagabandi et al. (2019), section 4; in pushing it gets the shape code as the others do (paper,
    section 4.1). The step is differentiated through in training.

    Args:
        spec: Sizes of the forward models.
        turned_dim: Width of z_vis.
        rate: Of the inner step.
        generator: Source of the first weights.
    """

    recalls = True

    def __init__(
        self, spec: MLPSpec, turned_dim: int, *, rate: float, generator: torch.Generator
    ) -> None:
        super().__init__(spec, turned_dim)
        self.start = nn.Parameter(default_parameters(self.wide, generator))
        self.rate = rate
        self.register_buffer("weights", change_weights(), persistent=False)
        self.weights: Tensor

    def watch(self, watched: Watched) -> Float[Tensor, "E C"]:
        """The adapted weights."""

        def loss(own: Tensor) -> Tensor:
            error = self.changes(own, watched.turned, watched.inputs) - watched.changes
            # A mean over each object's pushes; objects add up, as each has weights of its own.
            return (error.square() * self.weights).sum(-1).mean(-1).sum()

        return gradient_step(self.start, len(watched.inputs), self.rate, loss)


class Experts(OwnNetwork):
    """Expert-Ens: a network for each training object, told orientation, mass and friction.

    An oracle (paper, section 4.1). An object of none of the experts gets the one whose object looks
    most alike (`PushingGenerator`).

    Args:
        spec: Sizes of the forward models.
        count: Experts.
        generator: Source of the first weights.
    """

    looks = False

    def __init__(self, spec: MLPSpec, count: int, *, generator: torch.Generator) -> None:
        super().__init__(spec, 2)
        self.full = widened(self.wide, 2)
        self.experts = nn.Parameter(
            torch.stack([default_parameters(self.full, generator) for _ in range(count)])
        )

    def watch(self, watched: Watched) -> Float[Tensor, "E C"]:
        """The expert of each object, mass and friction moved into the first bias.

        Raises:
            InputError: If an object has no expert.
        """
        if bool((watched.experts < 0).any()):
            raise InputError(
                "An ensemble of experts is an oracle: it must be told which object is pushed, its "
                "mass and its friction. Give truth=Truth(...)."
            )
        layers = split_parameters(self.full, self.experts[watched.experts])
        layers[0] = absorbed(*layers[0], watched.properties)
        return join_parameters(layers)
