"""What every forward model of pushing has in common, however it came to its weights."""

import abc
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hyperdyn.networks import MLPSpec


class Watched(NamedTuple):
    """The interactions of E objects, normalised; K pushes each."""

    inputs: Float[Tensor, "E K I"]
    """States and actions before each push, as forward models see them."""
    changes: Float[Tensor, "E K S"]
    """What each push changed."""
    turned: Float[Tensor, "E K Z"]
    """What told the object's orientation at each push."""
    experts: Int[Tensor, " E"]
    """Which expert knows the object; −1 where nobody said."""
    properties: Float[Tensor, "E 2"]
    """Mass and friction, scaled to −1 to 1; 0 where nobody said."""


class Predictor(nn.Module, abc.ABC):
    """Forward models δs = F(s, a) of pushed objects, one for every object and orientation.

    What holds for an object as long as it is pushed is worked out once (`watch`); its orientation
    changes with every push, and is told by `turned`: the shape code of the object as it lies, or,
    to models that do not look, the cosine and sine of its yaw.

    Args:
        spec: Sizes of the forward models.
        turned_dim: Z, width of what tells the orientation.
    """

    looks: ClassVar[bool] = True
    """Whether `turned` is a shape code."""
    recalls: ClassVar[bool] = False
    """Whether `watch` wants to know how the object lay at each push."""

    def __init__(self, spec: MLPSpec, turned_dim: int) -> None:
        super().__init__()
        self.spec = spec
        self.turned_dim = turned_dim

    @abc.abstractmethod
    def watch(self, watched: Watched) -> Float[Tensor, "E C"]:
        """What is kept of each object."""

    @abc.abstractmethod
    def changes(
        self,
        kept: Float[Tensor, "E C"],
        turned: Float[Tensor, "E N Z"],
        inputs: Float[Tensor, "E N I"],
    ) -> Float[Tensor, "E N S"]:
        """Normalised changes of N states of each object, each with an orientation of its own."""

    @abc.abstractmethod
    def parameters_from(
        self, kept: Float[Tensor, "E C"], turned: Float[Tensor, "E Z"]
    ) -> Float[Tensor, "E P"]:
        """The forward model of each object in one orientation, written out.

        `changes` is equal to it on every input.
        """


def trigonometry(yaw: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 2"]:
    """Cosine and sine."""
    return torch.stack([yaw.cos(), yaw.sin()], dim=-1)
