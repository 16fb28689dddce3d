"""Several generators side by side, for dynamics of which one model alone would not be trusted."""

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.errors import InputError
from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator, HyperDynamics
from hyperdyn.model_config import ModelConfig


@dataclass(frozen=True, kw_only=True)
class EnsembleConfig(ModelConfig):
    """Sizes of a member, and how many there are."""

    members: int = 5
    """M; five in PETS."""

    def __post_init__(self) -> None:
        """Check sizes and their number."""
        super().__post_init__()
        if self.members < 2:
            raise InputError(
                f"An ensemble of generators needs at least two members; got {self.members}. One "
                "alone is a 'hyperdynamics'."
            )


class HyperDynamicsEnsemble(DynamicsGenerator):
    """M times `HyperDynamics`, each with an encoder and a hypernetwork of its own.

    Each member writes a network for each system watched; what the M networks predict over a horizon
    is averaged (`GeneratedDynamics.members`), as PETS does with its particles (Chua et al. 2018,
    "Deep Reinforcement Learning in a Handful of Trials": five members, each keeping to itself over
    the horizon). Members begin with different weights and see the same batches, with no bootstrap:
    Lakshminarayanan et al. 2017 ("Simple and Scalable Predictive Uncertainty Estimation using Deep
    Ensembles") find that initial weights alone make members differ enough, and that a bootstrap,
    which PETS draws, costs accuracy. The loss is the mean of the members' own, and Adam does not
    depend on its scale: each member is trained as it would be alone, in as many optimiser steps, of
    which each costs M times as much. Means and deviations of the data are shared.
    """

    kind = "hyperdynamics_ensemble"
    config_type = EnsembleConfig
    config: EnsembleConfig

    def __init__(self, config: ModelConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        self.members = nn.ModuleList(
            HyperDynamics(config, generator=generator) for _ in range(self.config.members)
        )
        for member in self.members:
            member.normaliser = self.normaliser

    def networks(
        self, history: History, truth: Float[Tensor, "E Q"] | None = None
    ) -> Float[Tensor, "E P"]:
        """The members' networks, side by side in a row."""
        self._check(history)
        members = (cast(HyperDynamics, member) for member in self.members)
        return torch.cat([member.networks(history) for member in members], dim=1)

    def _fold(
        self, parameters: Float[Tensor, "E P"], anchor: Float[Tensor, "E S"]
    ) -> Float[Tensor, "E P"]:
        parts = parameters.split(self.config.network.num_parameters, dim=1)
        return torch.cat([super(HyperDynamicsEnsemble, self)._fold(p, anchor) for p in parts], 1)
