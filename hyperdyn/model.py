"""HyperDynamics: watch a system, get the weights of a forward model made for it.

`DynamicsGenerator` holds what every model of this kind shares: normalisation, generating, saving. A
subclass says how a history becomes the P parameters of a network. Most do it by way of a code
(`CodedGenerator`): an encoder reads the history, and a head turns the code into parameters.
`HyperDynamics` writes them with a hypernetwork; `hyperdyn.baselines` has the models it is compared
with, which condition one shared network, adapt it, or choose one of several.
"""

import abc
from pathlib import Path
from typing import ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn import assets
from hyperdyn.dynamics import GeneratedDynamics
from hyperdyn.encoders import InteractionEncoder
from hyperdyn.errors import InputError, require_known
from hyperdyn.heads import Head
from hyperdyn.history import History
from hyperdyn.model_config import ModelConfig as ModelConfig
from hyperdyn.networks import in_units
from hyperdyn.saved import SavedModule
from hyperdyn.states import Normaliser, StateSpace
from hyperdyn.storage import is_written

AnyGenerator = TypeVar("AnyGenerator", bound="DynamicsGenerator")


class DynamicsGenerator(SavedModule, abc.ABC):
    """Normalisation and generation, over an abstract map from histories to parameters.

    Args:
        config: Sizes, of the class's `config_type`.
        generator: Source of the initial weights.

    Raises:
        InputError: If the configuration is of another class.
    """

    config: ModelConfig
    config_type: ClassVar[type[ModelConfig]] = ModelConfig
    """The class of its configurations."""
    oracle: ClassVar[bool] = False
    """Whether it must be told the true properties of a system (`truth`)."""

    def __init__(self, config: ModelConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        self.normaliser = Normaliser(config.state_space.dim, config.action_dim)
        self.register_buffer("_relative", config.state_space.relative_mask(), persistent=False)
        self.register_buffer("input_columns", config.state_space.input_columns(), persistent=False)

    _relative: Tensor
    input_columns: Tensor

    @abc.abstractmethod
    def networks(
        self, history: History, truth: Float[Tensor, "E Q"] | None = None
    ) -> Float[Tensor, "E P"]:
        """The network of each watched system, for normalised inputs and outputs; differentiable.

        Args:
            history: The last K states and actions of E systems.
            truth: Q true properties of each system as it stands now; read by oracles alone.

        Returns:
            One row a system; where there are several members, their networks side by side.

        Raises:
            InputError: If the history does not fit, or an oracle is not told the truth.
        """

    def auxiliary_loss(
        self,
        history: History,
        actions: Float[Tensor, "B M A"],
        states: Float[Tensor, "B M+1 S"],
    ) -> Float[Tensor, ""] | None:
        """What training adds to the error of the predictions; None: nothing.

        Args:
            history: What was watched.
            actions: Actions from then on.
            states: The true states they were taken in, and the one after.
        """
        return None

    @property
    def device(self) -> torch.device:
        """Where it stands; what it is given must be there too."""
        return self.normaliser.state_mean.device

    @property
    def state_space(self) -> StateSpace:
        """Fields of the state."""
        return self.config.state_space

    @property
    def action_dim(self) -> int:
        """A."""
        return self.config.action_dim

    @property
    def history_length(self) -> int:
        """K."""
        return self.config.history_length

    def anchor(self, history_states: Float[Tensor, "B K S"]) -> Float[Tensor, "B S"]:
        """What relative fields are relative to: the last state watched; 0 in the other columns."""
        return history_states[:, -1] * self._relative

    def normalise_states(
        self, states: Float[Tensor, "B M S"], anchor: Float[Tensor, "B S"]
    ) -> Float[Tensor, "B M S"]:
        """States as networks see them."""
        scaled = states - anchor[:, None] - self.normaliser.state_mean
        return scaled / self.normaliser.state_std

    def normalise_actions(self, actions: Float[Tensor, "B M A"]) -> Float[Tensor, "B M A"]:
        """Actions as networks see them."""
        return (actions - self.normaliser.action_mean) / self.normaliser.action_std

    def network_inputs(
        self,
        states: Float[Tensor, "B M S"],
        actions: Float[Tensor, "B M A"],
        anchor: Float[Tensor, "B S"],
    ) -> Float[Tensor, "B M I"]:
        """What networks take: the columns of the state they see, and the action, normalised."""
        seen = self.normalise_states(states, anchor)[..., self.input_columns]
        return torch.cat([seen, self.normalise_actions(actions)], dim=-1)

    def normalised_changes(
        self, states: Float[Tensor, "*batch S"], next_states: Float[Tensor, "*batch S"]
    ) -> Float[Tensor, "*batch S"]:
        """What networks give if they predict well."""
        change = self.state_space.difference(states, next_states)
        return (change - self.normaliser.change_mean) / self.normaliser.change_std

    @torch.no_grad()
    def generate(
        self,
        history: History,
        view: Tensor | None = None,
        *,
        truth: Float[Tensor, "E Q"] | None = None,
    ) -> GeneratedDynamics:
        """Write one forward model for each watched system.

        Args:
            history: The last K states and actions of E systems.
            view: Depth images, for generators that look at shapes; this one has no visual encoder.
            truth: Q true properties of each system as it stands now, for oracles
                (`expert_ensemble`); the others never read it.

        Returns:
            E models, in physical units.

        Raises:
            InputError: If the history does not fit, a view is given, or an oracle is not told the
                truth.
        """
        if view is not None:
            raise InputError(
                "This generator has no visual encoder and got a view; leave view=None, or load a "
                "generator trained with images."
            )
        parameters = self.networks(history, truth)
        folded = self._fold(parameters, self.anchor(history.states))
        return GeneratedDynamics(self.config.network, self.state_space, folded)

    def _fold(
        self, parameters: Float[Tensor, "E P"], anchor: Float[Tensor, "E S"]
    ) -> Float[Tensor, "E P"]:
        """Absorb normalisation: MLP((x - m) / d) · k + c as one network in physical units."""
        stats = self.normaliser
        action_mean = stats.action_mean.expand(len(anchor), -1)
        mean = torch.cat([(stats.state_mean + anchor)[:, self.input_columns], action_mean], dim=1)
        std = torch.cat([stats.state_std[self.input_columns], stats.action_std])
        return in_units(
            self.config.network,
            parameters,
            inputs=(mean, std),
            outputs=(stats.change_mean, stats.change_std),
        )

    def _check(self, history: History) -> None:
        found = (*history.states.shape[1:], history.actions.shape[2])
        wanted = (self.history_length, self.state_space.dim, self.action_dim)
        if found != wanted:
            raise InputError(
                f"The history has K = {found[0]} steps, S = {found[1]}, A = {found[2]}; this model "
                f"wants K = {wanted[0]}, S = {wanted[1]}, A = {wanted[2]}. Watch the system for "
                f"{wanted[0]} steps and give states and actions in full."
            )
        weight = self.normaliser.state_mean
        if history.states.dtype != weight.dtype or history.states.device != weight.device:
            raise InputError(
                f"The history is {history.states.dtype} on {history.states.device}; this model is "
                f"{weight.dtype} on {weight.device}. Convert one of them with .to(...)."
            )

    @classmethod
    def from_pretrained(cls: type[AnyGenerator], name: str | Path) -> AnyGenerator:
        """Load a generator of this class, equal bit for bit to the one saved.

        `hyperdyn.load_generator` loads one of any class.

        Args:
            name: A model folder, a run folder that `hyperdyn train` made, or the name of a
                pretrained generator in `hyperdyn.assets`.

        Raises:
            UnknownNameError: If it is neither; lists the pretrained names.
            CheckpointError: If the folder is damaged, foreign, or of another class.
        """
        return cls.read(generator_folder(name))


def generator_folder(name: str | Path) -> Path:
    """Find the folder of a saved generator.

    A folder here that only has a pretrained generator's name, and holds no model, is passed over.

    Args:
        name: As `DynamicsGenerator.from_pretrained`.

    Raises:
        UnknownNameError: If it is neither a folder nor a pretrained name; lists the valid names.
    """
    folder, inside_run = Path(name), Path(name) / "model"
    known = str(name) in assets.pretrained_names()
    if folder.is_dir() and (is_written(folder) or inside_run.is_dir() or not known):
        return inside_run if inside_run.is_dir() else folder
    require_known("pretrained generator or folder", str(name), assets.pretrained_names())
    return assets.pretrained(str(name))


class CodedGenerator(DynamicsGenerator, abc.ABC):
    """An encoder turns the history into a code, and a head turns the code into parameters.

    Args:
        config: Sizes.
        generator: Source of the initial weights.
    """

    def __init__(self, config: ModelConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        self.encoder = self._make_encoder(generator)
        self.head = self._make_head(generator)

    def _make_encoder(self, generator: torch.Generator) -> nn.Module:
        """What turns normalised states [B, K, S] and actions [B, K, A] into codes [B, Z]."""
        return InteractionEncoder(
            self.config.history_length,
            self.config.state_space.dim,
            self.config.action_dim,
            hidden=self.config.encoder_hidden,
            code_dim=self.config.code_dim,
            activation=self.config.encoder_activation,
            generator=generator,
        )

    @abc.abstractmethod
    def _make_head(self, generator: torch.Generator) -> Head:
        """What turns codes into parameters for normalised inputs and outputs."""

    def encode(self, history: History) -> Float[Tensor, "E Z"]:
        """The code of each watched system.

        Raises:
            InputError: If the history is not of this model's K, S, A, dtype or device.
        """
        self._check(history)
        states = self.normalise_states(history.states, self.anchor(history.states))
        code: Tensor = self.encoder(states, self.normalise_actions(history.actions))
        return code

    def networks(
        self, history: History, truth: Float[Tensor, "E Q"] | None = None
    ) -> Float[Tensor, "E P"]:
        """The network for each system's code."""
        parameters: Tensor = self.head(self.encode(history))
        return parameters


class HyperDynamics(CodedGenerator):
    """The paper's model: a hypernetwork writes every parameter of the forward model (section 3)."""

    kind = "hyperdynamics"

    def _make_head(self, generator: torch.Generator) -> Head:
        return self.config.hypernetwork(self.config.code_dim, generator=generator)
