"""Sizes of a pushing model; the defaults are the paper's (section 4.1 and appendix A.1)."""

from dataclasses import dataclass

import torch

from hyperdyn.errors import InputError, require_known
from hyperdyn.heads import Concatenation, Head, Modulation
from hyperdyn.hypernetworks import DenseHypernetwork
from hyperdyn.networks import MLPSpec
from hyperdyn.pushing.coded import XYZ, Coded
from hyperdyn.pushing.own_network import Adapted, Experts
from hyperdyn.pushing.predictor import Predictor
from hyperdyn.pushing.state import NUM_INPUTS, STATE_SPACE

KINDS = ("hyperdynamics", "direct", "film", "xyz", "maml", "expert_ensemble")


_TYPES: dict[str, type[Predictor]] = {
    "xyz": XYZ,
    "maml": Adapted,
    "expert_ensemble": Experts,
}


@dataclass(frozen=True, kw_only=True)
class PushingConfig:
    """Sizes of a model of one kind; what a kind has no use for is ignored by it.

    Raises:
        UnknownNameError: If the kind is unknown.
        InputError: If a size is not positive.
    """

    kind: str = "hyperdynamics"
    pushes: int = 5
    """K, pushes watched."""
    code_dim: int = 2
    """Width of z_int, what the pushes tell."""
    encoder_hidden: tuple[int, ...] = (8,)
    """Hidden widths of the interaction encoder."""
    hyper_hidden: int = 16
    """Width of the hypernetwork's hidden layer."""
    initialisation: str = "bias"
    """How the hypernetwork starts; the paper does not say."""
    cropping: bool = True
    """Whether shape codes are of the map around the object; else of the whole table's."""
    dynamics_hidden: tuple[int, ...] = (32, 32, 32)
    """Hidden widths of the forward models."""
    activation: str = "leaky_relu"
    ring: int = 32
    """Turns at which objects are compared to find the expert of one that is new."""
    inner_rate: float = 0.01
    """Of MB-MAML's gradient step."""
    experts: int = 24
    """Training objects."""

    def __post_init__(self) -> None:
        """Check names and sizes."""
        require_known("pushing model", self.kind, KINDS)
        sizes = (self.pushes, self.code_dim, self.hyper_hidden, self.experts)
        if min(*sizes, *self.encoder_hidden, *self.dynamics_hidden) < 1 or self.inner_rate <= 0:
            raise InputError(f"Sizes of a model must be positive; got {self}.")

    @property
    def network(self) -> MLPSpec:
        """The forward model: 15 inputs, 16 changes."""
        sizes = (NUM_INPUTS, *self.dynamics_hidden, STATE_SPACE.dim)
        return MLPSpec(sizes=sizes, activation=self.activation)

    @property
    def predictor_type(self) -> type[Predictor]:
        """The class of its predictors."""
        return _TYPES.get(self.kind, Coded)

    def build(self, shape_dim: int, generator: torch.Generator) -> Predictor:
        """An untrained predictor.

        Args:
            shape_dim: Width of z_vis.
            generator: Source of the first weights.
        """
        spec = self.network
        if self.predictor_type is XYZ:
            return XYZ(spec, generator=generator)
        if self.predictor_type is Experts:
            return Experts(spec, self.experts, generator=generator)
        if self.predictor_type is Adapted:
            return Adapted(spec, shape_dim, rate=self.inner_rate, generator=generator)
        return Coded(
            spec,
            shape_dim,
            self._head(self.code_dim + shape_dim, spec, generator),
            pushes=self.pushes,
            encoder_hidden=self.encoder_hidden,
            activation=self.activation,
            generator=generator,
        )

    def _head(self, code_dim: int, spec: MLPSpec, generator: torch.Generator) -> Head:
        if self.kind == "direct":
            return Concatenation(code_dim, spec, generator=generator)
        if self.kind == "film":
            return Modulation(code_dim, spec, generator=generator)
        return DenseHypernetwork(
            code_dim,
            self.hyper_hidden,
            spec,
            activation=self.activation,
            initialisation=self.initialisation,
            generator=generator,
        )
