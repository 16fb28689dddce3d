"""CaDM: a code that must also serve a model that predicts backwards."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.heads import Concatenation, Head
from hyperdyn.history import History
from hyperdyn.model import CodedGenerator
from hyperdyn.model_config import ModelConfig
from hyperdyn.networks import batched_mlp


@dataclass(frozen=True, kw_only=True)
class CaDMConfig(ModelConfig):
    """Sizes, and the weight of the backward loss."""

    code_dim: int = 10
    """Z, width of the context; 10 in the released code."""
    backward_weight: float = 0.5
    """Of the backward model's error beside the forward model's; 0.5 in the released code."""

    def __post_init__(self) -> None:
        """Check sizes and the weight."""
        super().__post_init__()
        if not 0 <= self.backward_weight < float("inf"):
            raise InputError(f"backward_weight must be at least 0; got {self.backward_weight}.")


class CaDM(CodedGenerator):
    """MLP([s, a, z]) and, in training, s' -> s by another MLP([s', a, z]).

    The context-aware dynamics model of Lee et al. (2020), its deterministic single model ("Vanilla
    DM + CaDM"): the context z of the past predicts all M transitions of the future, forwards and
    backwards. Theirs has four hidden layers of 200, an encoder of three that reads changes of state
    in place of states, and a history and a future of 10 steps; here sizes, encoder and windows are
    those of every other model, so that the losses are what is compared. It is `Direct` with a
    wider code and the backward loss. The backward model serves training alone.
    """

    kind = "cadm"
    config_type = CaDMConfig
    config: CaDMConfig

    def __init__(self, config: ModelConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        self.backward_head = self._make_head(generator)

    def _make_head(self, generator: torch.Generator) -> Head:
        return Concatenation(self.config.code_dim, self.config.network, generator=generator)

    def auxiliary_loss(
        self,
        history: History,
        actions: Float[Tensor, "B M A"],
        states: Float[Tensor, "B M+1 S"],
    ) -> Float[Tensor, ""] | None:
        """The backward model's mean squared error of normalised changes, weighted."""
        parameters = self.backward_head(self.encode(history))
        inputs = self.network_inputs(states[:, 1:], actions, self.anchor(history.states))
        # The change that leads back, in the units of the change that led there.
        back = self.state_space.difference(states[:, 1:], states[:, :-1])
        wanted = (back + self.normaliser.change_mean) / self.normaliser.change_std
        error = batched_mlp(self.config.network, parameters, inputs) - wanted
        return self.config.backward_weight * error.square().mean()
