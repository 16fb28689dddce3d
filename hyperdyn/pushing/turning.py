"""What tells forward models how an object lies, as a function of its predicted yaw."""

import abc
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.perception import VisualEncoder, YawRing
from hyperdyn.pushing.predictor import trigonometry

TURNS = 64  # at which models for planning are made; twice as many halve what mixing is off by


class Round(NamedTuple):
    """What is told of E objects all the way round."""

    ring: YawRing
    starts: Float[Tensor, " E"]
    """Yaws at which the rings begin, radians in the world."""


class Turning(abc.ABC):
    """E objects that turn."""

    @abc.abstractmethod
    def at(self, yaw: Float[Tensor, "E N"]) -> Float[Tensor, "E N Z"]:
        """What is told of each object at N yaws, radians in the world."""

    @abc.abstractmethod
    def round(self) -> Round | None:
        """What is told at evenly spaced turns; None if that may not stand for what lies between."""


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

    def round(self) -> Round:
        """The ring."""
        return Round(self.ring, self.yaws)


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
        told: Tensor = codes.unflatten(0, yaw.shape)
        return told

    def round(self) -> None:
        """Nothing: every yaw is its own."""


@dataclass(frozen=True)
class Angle(Turning):
    """Cosine and sine of the yaw."""

    offsets: Float[Tensor, " E"]
    """Added to each object's yaw: an expert's object may lie otherwise at yaw 0."""

    def at(self, yaw: Float[Tensor, "E N"]) -> Float[Tensor, "E N 2"]:
        """At any yaw."""
        return trigonometry(yaw + self.offsets[:, None])

    def round(self) -> Round:
        """At `TURNS` turns."""
        turns = YawRing.turns(TURNS, device=self.offsets.device).to(self.offsets.dtype)
        return Round(YawRing(self.at(turns - self.offsets[:, None])), -self.offsets)
