"""What every policy generator is: from a task's specification to the weights of a policy for it."""

import abc
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.networks import batched_mlp, in_units
from hyperdyn.policies.config import PolicyConfig
from hyperdyn.policies.generated import GeneratedPolicy
from hyperdyn.policies.standardiser import Standardiser
from hyperdyn.saved import SavedModule

AnyPolicy = TypeVar("AnyPolicy", bound="PolicyGenerator")


@dataclass(frozen=True, kw_only=True)
class Demonstrated:
    """M transitions that an expert made in each of E tasks, raw numbers."""

    observations: Float[Tensor, "E M O"]
    """What the expert saw."""
    actions: Float[Tensor, "E M A"]
    """What it did, within -1 and 1."""
    following: Float[Tensor, "E M O"]
    """What it saw next."""
    values: Float[Tensor, "E M"]
    """What came of it: the mean of the rewards from then on, discounted."""

    def __len__(self) -> int:
        """M."""
        return self.actions.shape[1]

    def take(self, columns: slice | Tensor) -> "Demonstrated":
        """Some of the M transitions of every task."""
        return replace(self, **{name: value[:, columns] for name, value in vars(self).items()})


class PolicyGenerator(SavedModule, abc.ABC):
    """Standardisation and generation, over an abstract map from specifications to parameters.

    Specifications and observations are standardised with statistics of the training tasks, for
    every method alike.

    Args:
        config: Sizes, of the class's `config_type`.
        generator: Source of the initial weights.

    Raises:
        InputError: If the configuration is of another class.
    """

    config: PolicyConfig
    config_type: ClassVar[type[PolicyConfig]] = PolicyConfig
    needs_support: ClassVar[bool] = False
    """Whether it must be shown some of a new task's demonstrations: a few-shot method."""

    def __init__(self, config: PolicyConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        self.standardiser = Standardiser(
            config.condition_dim, config.observation_dim, raw_conditions=config.raw_conditions
        )

    @abc.abstractmethod
    def loss(
        self,
        conditions: Float[Tensor, "E C"],
        shown: Demonstrated,
        *,
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """What training lowers, on demonstrations in E training tasks.

        Args:
            conditions: Specifications of the tasks, raw.
            shown: What the expert did in them. Few-shot methods see the first half and are asked
                for the second.
            generator: Of what a method draws.
        """

    @abc.abstractmethod
    def generate(
        self, conditions: Float[Tensor, "E C"], support: Demonstrated | None = None
    ) -> GeneratedPolicy:
        """Write a policy for each task.

        Args:
            conditions: Specifications, raw.
            support: Demonstrations in these tasks, for few-shot methods; the others never read
                them.

        Returns:
            E policies, which take raw observations.

        Raises:
            InputError: If the specifications do not fit, or a few-shot method is shown nothing.
        """

    def cloning_error(
        self, parameters: Float[Tensor, "E P"], shown: Demonstrated
    ) -> Float[Tensor, " E"]:
        """Mean squared error of actions in each task (HyPoGen, equation 1).

        Args:
            parameters: Policies for standardised observations.
            shown: What they should do.
        """
        seen = self.standardiser.observations(shown.observations)
        actions = torch.tanh(batched_mlp(self.config.network, parameters, seen))
        return (actions - shown.actions).square().mean(dim=(1, 2))

    def fold(self, parameters: Float[Tensor, "E P"]) -> GeneratedPolicy:
        """Policies for standardised observations, as ones for raw observations."""
        stats, width = self.standardiser, parameters.new_ones(self.config.action_dim)
        folded = in_units(
            self.config.network,
            parameters,
            inputs=(stats.observation_mean, stats.observation_std),
            outputs=(0 * width, width),
        )
        return GeneratedPolicy(self.config.network, folded)

    @classmethod
    def from_pretrained(cls: type[AnyPolicy], folder: str | Path) -> AnyPolicy:
        """Load a generator of this class, equal bit for bit to the one saved.

        `hyperdyn.policies.load_policy_generator` loads one of any class.

        Args:
            folder: A model folder, or a run folder of `hyperdyn train policy`.

        Raises:
            CheckpointError: If the folder is missing, damaged, foreign, or of another class.
        """
        return cls.read(policy_folder(folder))

    def _check(self, conditions: Tensor) -> None:
        width, own = self.config.condition_dim, self.standardiser.condition_mean
        if conditions.ndim != 2 or conditions.shape[1] != width:
            raise InputError(
                f"The specifications have shape {tuple(conditions.shape)}; this generator wants "
                f"(E, C) with C = {width}."
            )
        if conditions.dtype != own.dtype or conditions.device != own.device:
            raise InputError(
                f"The specifications are {conditions.dtype} on {conditions.device}; this generator "
                f"is {own.dtype} on {own.device}. Convert one of them with .to(...)."
            )
        if not bool(torch.isfinite(conditions).all()):
            raise InputError(
                "The specifications hold numbers that are not finite; give each in full."
            )

    def _shown(self, conditions: Tensor, support: Demonstrated | None) -> Demonstrated:
        """What a few-shot method is shown, checked."""
        self._check(conditions)
        if support is None or not len(support) or len(support.actions) != len(conditions):
            raise InputError(
                f"A {self.kind!r} policy is a few-shot method: it must be shown demonstrations of "
                f"each of the {len(conditions)} tasks. Give support=..."
            )
        return support


class ZeroShotPolicy(PolicyGenerator, abc.ABC):
    """A generator that needs to know nothing of a new task but its specification."""

    @abc.abstractmethod
    def networks(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "E P"]:
        """The policy of each task, for standardised observations; differentiable.

        Args:
            conditions: Specifications, standardised.
        """

    def loss(
        self,
        conditions: Float[Tensor, "E C"],
        shown: Demonstrated,
        *,
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The mean squared error of actions; see `PolicyGenerator.loss`."""
        parameters = self.networks(self.standardiser.conditions(conditions))
        return self.cloning_error(parameters, shown).mean()

    @torch.no_grad()
    def generate(
        self, conditions: Float[Tensor, "E C"], support: Demonstrated | None = None
    ) -> GeneratedPolicy:
        """Write a policy for each task; see `PolicyGenerator.generate`."""
        self._check(conditions)
        return self.fold(self.networks(self.standardiser.conditions(conditions)))


def policy_folder(folder: str | Path) -> Path:
    """Where the model of a run folder stands; a model folder stands for itself.

    Raises:
        CheckpointError: If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(
            f"There is no folder {folder}; name one that `hyperdyn train policy` wrote."
        )
    inside_run = folder / "model"
    return inside_run if inside_run.is_dir() else folder
