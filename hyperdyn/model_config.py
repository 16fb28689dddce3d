"""The sizes of a generator."""

from dataclasses import dataclass

import torch

from hyperdyn.errors import InputError
from hyperdyn.hypernetworks import DenseHypernetwork
from hyperdyn.networks import MLPSpec
from hyperdyn.states import StateSpace


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of a generator; the defaults are the paper's for locomotion (section 4.2).

    The code released with the paper differs: code_dim 1, hyper_hidden 32, initialisation "normal";
    that is the preset `cheetah-slope-released`. The paper does not state its initialisation.
    """

    state_space: StateSpace
    action_dim: int
    history_length: int = 16
    """K, steps watched before a model is generated."""
    code_dim: int = 2
    """Z, width of the code."""
    encoder_hidden: tuple[int, ...] = (128, 128)
    """Hidden widths of the interaction encoder."""
    encoder_activation: str = "relu"
    hyper_hidden: int = 16
    """Width of the hypernetwork's hidden layer."""
    hyper_activation: str = "leaky_relu"
    initialisation: str = "bias"
    """How the hypernetwork starts: "normal", "hyperfan-in" or "bias"."""
    dynamics_hidden: tuple[int, ...] = (128, 128)
    """Hidden widths of the generated model."""
    dynamics_activation: str = "relu"

    def __post_init__(self) -> None:
        """Check sizes."""
        sizes = (self.action_dim, self.history_length, self.code_dim, self.hyper_hidden)
        if min(*sizes, *self.encoder_hidden, *self.dynamics_hidden) < 1:
            raise InputError(f"Sizes of a model must be positive; got {self}.")

    @property
    def network(self) -> MLPSpec:
        """The generated model: (state inputs + A) -> S."""
        inputs = self.state_space.num_inputs + self.action_dim
        return MLPSpec(
            sizes=(inputs, *self.dynamics_hidden, self.state_space.dim),
            activation=self.dynamics_activation,
        )

    def hypernetwork(
        self,
        code_dim: int,
        *,
        kind: type[DenseHypernetwork] = DenseHypernetwork,
        generator: torch.Generator,
    ) -> DenseHypernetwork:
        """An untrained hypernetwork that writes the generated model.

        Args:
            code_dim: Width of what it takes.
            kind: Its class.
            generator: Source of the initial weights.
        """
        return kind(
            code_dim,
            self.hyper_hidden,
            self.network,
            activation=self.hyper_activation,
            initialisation=self.initialisation,
            generator=generator,
        )
