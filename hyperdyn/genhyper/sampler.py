"""What every sampler of policies is: conditions and noise go in, whole actors come out."""

import abc
from pathlib import Path
from typing import ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.genhyper.averaged import Averaged
from hyperdyn.genhyper.conditions import ConditionUnits
from hyperdyn.genhyper.config import HypFormerConfig, SamplerConfig
from hyperdyn.genhyper.noise import normal
from hyperdyn.genhyper.space import PolicySpace
from hyperdyn.genhyper.writer import CodeWriter
from hyperdyn.networks import MLPSpec, join_parameters, split_parameters
from hyperdyn.policies.generated import GeneratedPolicy
from hyperdyn.policies.generator import policy_folder
from hyperdyn.saved import SavedModule

AnySampler = TypeVar("AnySampler", bound="PolicySampler")


class PolicySampler(SavedModule, abc.ABC):
    """Draws policies for tasks, over an abstract draw of codes in a space of policies.

    Args:
        config: Sizes, of the class's `config_type`.
        generator: Source of the initial weights.

    Raises:
        InputError: If the configuration is of another class.
    """

    config: SamplerConfig | HypFormerConfig

    @property
    @abc.abstractmethod
    def space(self) -> PolicySpace:
        """Where codes are from."""

    @property
    @abc.abstractmethod
    def conditions(self) -> ConditionUnits:
        """How conditions are read."""

    @property
    @abc.abstractmethod
    def noise_dim(self) -> int:
        """Numbers, N(0, 1), that a sample is made from."""

    @abc.abstractmethod
    def codes(
        self, conditions: Float[Tensor, "E C"], noise: Float[Tensor, "E L _"]
    ) -> Float[Tensor, "E L Z"]:
        """Codes of L samples of each task; none depends on another task.

        Args:
            conditions: Raw.
            noise: N(0, 1), as wide as `noise_dim`.
        """

    @torch.no_grad()
    def sample_actors(
        self, conditions: Float[Tensor, "E C"], count: int, generator: torch.Generator
    ) -> Float[Tensor, "E L P"]:
        """Draw whole actors of soft actor-critic, with the heads of their log deviations.

        The k-th samples of all tasks have the same noise: what a task gets does not depend on which
        others are asked for.

        Args:
            conditions: Raw: a velocity (m/s), a direction (rad), or an embedding.
            count: L, actors of each task.
            generator: Of the noise.

        Returns:
            Weights as `config.network` lays them out.

        Raises:
            InputError: If the conditions do not fit, or the count is not positive.
        """
        self.conditions.require(conditions)
        if count < 1:
            raise InputError(f"count must be at least 1; got {count}.")
        noise = normal((count, self.noise_dim), generator, conditions)
        codes = self.codes(conditions, noise.expand(len(conditions), -1, -1))
        weights = self.space.decode(codes.flatten(0, 1))
        return self.space.units.raw(weights).reshape(len(conditions), count, -1)

    def sample(
        self, conditions: Float[Tensor, "E C"], count: int, generator: torch.Generator
    ) -> GeneratedPolicy:
        """Draw policies that act without noise, as `hyperdyn.planners.PolicyProposal` takes them.

        Args:
            conditions: Raw.
            count: L, policies of each task.
            generator: Of the noise.

        Returns:
            E · L policies, the L of a task one after the other; `policy[k::L]` are the k-th ones.

        Raises:
            InputError: If the conditions do not fit, or the count is not positive.
        """
        actors = self.sample_actors(conditions, count, generator)
        return mean_policies(self.config.network, actors.flatten(0, 1))

    @classmethod
    def from_pretrained(cls: type[AnySampler], folder: str | Path) -> AnySampler:
        """Load a sampler of this class, equal bit for bit to the one saved.

        `hyperdyn.genhyper.load_sampler` loads one of any class.

        Args:
            folder: A model folder, or a run folder of `hyperdyn train genhyper`.

        Raises:
            CheckpointError: If the folder is missing, damaged, foreign, or of another class.
        """
        return cls.read(policy_folder(folder))


class CodeSampler(PolicySampler, abc.ABC):
    """A sampler with a space of its own, trained on experts; see `PolicySampler`.

    Args:
        config: Sizes, of the class's `config_type`.
        generator: Source of the initial weights.

    Raises:
        InputError: If the configuration is of another class.
    """

    config: SamplerConfig
    config_type: ClassVar[type[SamplerConfig]] = SamplerConfig
    writer: Averaged[CodeWriter]

    def __init__(self, config: SamplerConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        # First of all that is drawn: samplers of one seed begin with one autoencoder.
        self.policies = PolicySpace(config, generator=generator)
        self.tasks = ConditionUnits(config.condition_dim, period=config.period)

    @property
    def space(self) -> PolicySpace:
        """Where codes are from."""
        return self.policies

    @property
    def conditions(self) -> ConditionUnits:
        """How conditions are read."""
        return self.tasks


def mean_policies(network: MLPSpec, actors: Float[Tensor, "n P"]) -> GeneratedPolicy:
    """Actors of soft actor-critic without the head of their log deviations.

    Args:
        network: From O to 2 A.
        actors: Flat weights.
    """
    actions = network.sizes[-1] // 2
    layers = split_parameters(network, actors)
    weight, bias = layers[-1]
    layers[-1] = (weight[:, :actions], bias[:, :actions])
    spec = MLPSpec(sizes=(*network.sizes[:-1], actions), activation=network.activation)
    return GeneratedPolicy(spec, join_parameters(layers))
