"""HyperDynamics: watch a system, get the weights of a forward model made for it.

`DynamicsGenerator` holds what every model of this kind shares: the interaction encoder, the
normalisation, generating, saving. A final class adds one thing, how a code becomes the P parameters
of a network: `HyperDynamics` writes them with a hypernetwork; `hyperdyn.baselines` condition one
shared network by concatenation or by scale and shift, a special case of the same thing.
"""

import abc
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn import assets
from hyperdyn.dynamics import GeneratedDynamics
from hyperdyn.encoders import InteractionEncoder
from hyperdyn.errors import CheckpointError, InputError, require_known
from hyperdyn.heads import Head
from hyperdyn.history import History
from hyperdyn.hypernetworks import DenseHypernetwork
from hyperdyn.networks import MLPSpec, join_parameters, split_parameters
from hyperdyn.states import Normaliser, StateSpace
from hyperdyn.storage import from_config, read_folder, to_config, write_folder

AnyGenerator = TypeVar("AnyGenerator", bound="DynamicsGenerator")


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
        inputs = len(self.state_space.input_columns()) + self.action_dim
        return MLPSpec(
            sizes=(inputs, *self.dynamics_hidden, self.state_space.dim),
            activation=self.dynamics_activation,
        )


class DynamicsGenerator(nn.Module, abc.ABC):
    """Encoder, normalisation and generation, over an abstract map from codes to parameters.

    Args:
        config: Sizes.
        generator: Source of the initial weights.
    """

    kind: ClassVar[str]
    """The word that names a final class in checkpoints and presets."""

    def __init__(self, config: ModelConfig, *, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.encoder = InteractionEncoder(
            config.history_length,
            config.state_space.dim,
            config.action_dim,
            hidden=config.encoder_hidden,
            code_dim=config.code_dim,
            activation=config.encoder_activation,
            generator=generator,
        )
        self.normaliser = Normaliser(config.state_space.dim, config.action_dim)
        self.register_buffer("_relative", config.state_space.relative_mask(), persistent=False)
        self.register_buffer("input_columns", config.state_space.input_columns(), persistent=False)
        self.head = self._make_head(generator)

    _relative: Tensor
    input_columns: Tensor

    @abc.abstractmethod
    def _make_head(self, generator: torch.Generator) -> Head:
        """What turns codes into parameters for normalised inputs and outputs."""

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

    def encode(self, history: History) -> Float[Tensor, "E Z"]:
        """The code of each watched system.

        Raises:
            InputError: If the history is not of this model's K, S, A, dtype or device.
        """
        self._check(history)
        states = self.normalise_states(history.states, self.anchor(history.states))
        code: Tensor = self.encoder(states, self.normalise_actions(history.actions))
        return code

    @torch.no_grad()
    def generate(self, history: History, view: Tensor | None = None) -> GeneratedDynamics:
        """Write one forward model for each watched system.

        Args:
            history: The last K states and actions of E systems.
            view: Depth images, for generators that look at shapes; this one has no visual encoder.

        Returns:
            E models, in physical units.

        Raises:
            InputError: If the history does not fit, or a view is given.
        """
        if view is not None:
            raise InputError(
                "This generator has no visual encoder and got a view; leave view=None, or load a "
                "generator trained with images."
            )
        parameters = self.head(self.encode(history))
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
        layers = split_parameters(self.config.network, parameters)
        weight, bias = layers[0]
        weight = weight / std
        layers[0] = (weight, bias - (weight @ mean[:, :, None])[:, :, 0])
        weight, bias = layers[-1]
        layers[-1] = (
            weight * stats.change_std[:, None],
            bias * stats.change_std + stats.change_mean,
        )
        return join_parameters(layers)

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

    def save(self, folder: str | Path) -> None:
        """Write the generator to a folder.

        Raises:
            CheckpointError: If it cannot be written; what stood there before is untouched.
        """
        write_folder(folder, self.kind, to_config(self.config), self.state_dict())

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
        folder = generator_folder(name)
        config, tensors = read_folder(folder, cls.kind)
        model = cls(from_config(ModelConfig, config), generator=torch.Generator())
        try:
            model.load_state_dict(tensors)
        except RuntimeError as error:
            raise CheckpointError(
                f"The tensors in {folder} do not fit its sizes: {error}"
            ) from error
        return model.eval()


def generator_folder(name: str | Path) -> Path:
    """Find the folder of a saved generator.

    Args:
        name: As `DynamicsGenerator.from_pretrained`.

    Raises:
        UnknownNameError: If it is neither a folder nor a pretrained name; lists the valid names.
    """
    if Path(name).is_dir():
        inside_run = Path(name) / "model"
        return inside_run if inside_run.is_dir() else Path(name)
    require_known("pretrained generator or folder", str(name), assets.pretrained_names())
    return assets.pretrained(str(name))


class HyperDynamics(DynamicsGenerator):
    """The paper's model: a hypernetwork writes every parameter of the forward model (section 3)."""

    kind = "hyperdynamics"

    def _make_head(self, generator: torch.Generator) -> Head:
        return DenseHypernetwork(
            self.config.code_dim,
            self.config.hyper_hidden,
            self.config.network,
            activation=self.config.hyper_activation,
            initialisation=self.config.initialisation,
            generator=generator,
        )
