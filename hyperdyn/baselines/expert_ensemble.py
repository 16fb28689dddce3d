"""Expert-Ens: an oracle with a network for each of a few systems, told which one it meets."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hyperdyn.errors import InputError
from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator
from hyperdyn.model_config import ModelConfig
from hyperdyn.networks import default_parameters


@dataclass(frozen=True, kw_only=True)
class ExpertsConfig(ModelConfig):
    """Sizes, and what each expert is for; nothing of the encoder or hypernetwork is used."""

    experts: tuple[tuple[float, ...], ...]
    """The Q true properties of the system that each expert is for."""

    def __post_init__(self) -> None:
        """Check sizes and experts."""
        super().__post_init__()
        if not self.experts or len({len(place) for place in self.experts}) != 1:
            raise InputError(
                f"An ensemble needs experts, each with as many properties; got {self.experts}."
            )


class ExpertEnsemble(DynamicsGenerator):
    """The network whose system is nearest, in true properties, to the one that is met.

    An oracle (paper, section 4.2 and A.2: "several environments with properties evenly sampled from
    the continuous range", five of them, an expert trained for each). It ignores the history and
    must be told the truth. Open, and chosen here: nearest by Euclidean distance, and at each step
    anew, by the property of the ground that the robot is on. The ensemble as a whole gets the data
    and the optimiser steps of any other model, so each expert a fifth of them; in the paper each
    may have had all.
    """

    kind = "expert_ensemble"
    config_type = ExpertsConfig
    oracle = True
    config: ExpertsConfig

    def __init__(self, config: ModelConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        places = torch.tensor(self.config.experts)
        self.register_buffer("places", places, persistent=False)
        drawn = [default_parameters(config.network, generator) for _ in places]
        self.experts = nn.Parameter(torch.stack(drawn))

    places: Tensor

    def chosen(self, truth: Float[Tensor, "E Q"]) -> Int[Tensor, " E"]:
        """The number of the expert that each system gets.

        Raises:
            InputError: If there are not Q properties a system, or they are not finite.
        """
        if truth.ndim != 2 or truth.shape[1] != self.places.shape[1]:
            raise InputError(
                f"The truth has shape {tuple(truth.shape)}; this ensemble's experts are told apart "
                f"by {self.places.shape[1]} properties, so it wants (E, {self.places.shape[1]})."
            )
        if not bool(torch.isfinite(truth).all()):
            raise InputError("The truth holds numbers that are not finite; give true properties.")
        far = (truth[:, None] - self.places).square().sum(-1)
        return far.argmin(1)

    def networks(
        self, history: History, truth: Float[Tensor, "E Q"] | None = None
    ) -> Float[Tensor, "E P"]:
        """The experts' networks."""
        self._check(history)
        if truth is None or len(truth) != len(history.states):
            raise InputError(
                "An ensemble of experts is an oracle: it must be told the true properties of each "
                f"of the {len(history.states)} systems. Give truth=... of shape (E, Q)."
            )
        return self.experts[self.chosen(truth)]
