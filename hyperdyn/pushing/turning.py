"""What tells forward models how an object lies, as a function of its predicted yaw."""

import abc
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.perception import VisualEncoder, YawRing
from hyperdyn.pushing.predictor import trigonometry


class Turning(abc.ABC):
    """E objects that turn."""

    @abc.abstractmethod
    def at(self, yaw: Float[Tensor, "E N"]) -> Float[Tensor, "E N Z"]:
        """What is told of each object at N yaws, radians in the world."""


@dataclass(frozen=True)
class Looked(Turning):
    """Shape codes looked up in a ring: one crop and a few codes an object, however many plans."""

    ring: YawRing
    """Codes by how far an object is turned from how it was seen."""
    yaws: Float[Tensor, " E"]
    """Yaws at which the objects were seen."""

    def at(self, yaw: Float[Tensor, "E N"]) -> Float[Tensor, "E N Z"]:
        """Between the nearest four codes of the ring."""
        return self.ring.at(yaw - self.yaws[:, None])


@dataclass(frozen=True)
class Encoded(Turning):
    """Shape codes worked out anew for every yaw, as the paper has it (section 3.3)."""

    visual: VisualEncoder
    features: Float[Tensor, "E F y x"]
    """The map around each object as it was seen."""
    yaws: Float[Tensor, " E"]
    """Yaws at which the objects were seen."""

    @torch.no_grad()
    def at(self, yaw: Float[Tensor, "E N"]) -> Float[Tensor, "E N Z"]:
        """The features turned, then encoded."""
        turns = (yaw - self.yaws[:, None]).flatten()
        codes = self.visual.codes(self.features.repeat_interleave(yaw.shape[1], 0), turns)
        return codes.unflatten(0, yaw.shape)


@dataclass(frozen=True)
class Angle(Turning):
    """Cosine and sine of the yaw."""

    offsets: Float[Tensor, " E"]
    """Added to each object's yaw: an expert's object may lie otherwise at yaw 0."""

    def at(self, yaw: Float[Tensor, "E N"]) -> Float[Tensor, "E N 2"]:
        """At any yaw."""
        return trigonometry(yaw + self.offsets[:, None])
