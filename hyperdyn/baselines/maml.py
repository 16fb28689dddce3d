"""MB-MAML: one network, adapted to each system by a gradient step on what was watched."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.adaptation import gradient_step
from hyperdyn.errors import InputError
from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator
from hyperdyn.model_config import ModelConfig
from hyperdyn.networks import batched_mlp, default_parameters


@dataclass(frozen=True, kw_only=True)
class MAMLConfig(ModelConfig):
    """Sizes, and the inner step's; nothing of the encoder or the hypernetwork is used."""

    inner_rate: float = 0.1
    """Learning rate of the inner step."""

    def __post_init__(self) -> None:
        """Check sizes and the rate."""
        super().__post_init__()
        if not 0 < self.inner_rate < float("inf"):
            raise InputError(f"inner_rate must be positive and finite; got {self.inner_rate}.")


class MAML(DynamicsGenerator):
    """One gradient step from weights that were trained to be a good start for it.

    Model-based MAML (Nagabandi et al., 2019, its GrBAL; paper, section 4.2: "the same 16-step
    interaction trajectory for online adaptation"). The step is taken anew from the meta-parameters
    for each history, and training differentiates through it (second order). The targets of a
    training window are the query, as the steps that follow the support in GrBAL. Open, or chosen
    here: the inner loss is the mean squared error of normalised changes, as the outer; K watched
    (state, action) pairs hold K - 1 transitions, because the state after the last pair is not part
    of a history. The paper gives no inner rate; the released code has 0.001. On a small problem
    with a hidden gain, that leaves 0.99 of the error of a model that knows nothing of it; 0.01
    leaves 0.40, 0.1 0.35, 0.3 0.50, and 1 is worse than nothing: so 0.1.
    """

    kind = "maml"
    config_type = MAMLConfig
    config: MAMLConfig

    def __init__(self, config: ModelConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        if config.history_length < 2:
            raise InputError(
                f"An adapted model learns from transitions, and {config.history_length} watched "
                "step holds none; take a history_length of at least 2."
            )
        self.start = nn.Parameter(default_parameters(config.network, generator))

    def networks(
        self, history: History, truth: Float[Tensor, "E Q"] | None = None
    ) -> Float[Tensor, "E P"]:
        """The adapted weights."""
        self._check(history)
        states, actions = history.states, history.actions
        inputs = self.network_inputs(states[:, :-1], actions[:, :-1], self.anchor(states))
        wanted = self.normalised_changes(states[:, :-1], states[:, 1:])

        def loss(own: Tensor) -> Tensor:
            error = batched_mlp(self.config.network, own, inputs) - wanted
            # A mean over each system's transitions; systems add up, as each has its own weights.
            return error.square().mean(dim=(1, 2)).sum()

        return gradient_step(self.start, len(states), self.config.inner_rate, loss)
