"""What tasks without a number are described by: an embedding of how an expert behaves in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.errors import InputError
from hyperdyn.policies.generator import policy_folder
from hyperdyn.policies.layers import linear
from hyperdyn.saved import SavedModule

CONSTANT = 1e-6
"""What deviates by less keeps its own unit."""


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """B stretches of behaviour, raw numbers."""

    first: Float[Tensor, "B O"]
    """The state that each begins in."""
    actions: Float[Tensor, "B n A"]
    """The n actions from there on: with the state, the paper's τⁿ."""
    outcome: Float[Tensor, "B M O"]
    """M states of what came of them; the paper's are those after a success."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingConfig:
    """Sizes of a behaviour embedding; the depth is Make-An-Agent's, the widths are smaller.

    Raises:
        InputError: If a size is not positive.
    """

    observation_dim: int
    """O."""
    action_dim: int
    """A."""
    steps: int = 60
    """n, actions of a stretch."""
    outcomes: int = 3
    """M, states of what came of it."""
    hidden: int = 256
    """Width of the hidden layers; Make-An-Agent has 1,024."""
    width: int = 16
    """Of h and of v; Make-An-Agent has 128."""

    def __post_init__(self) -> None:
        """Check sizes."""
        sizes = (self.observation_dim, self.action_dim, self.steps, self.outcomes)
        if min(*sizes, self.hidden, self.width) < 1:
            raise InputError(f"Sizes of a behaviour embedding must be positive; got {self}.")


class BehaviourEmbedding(SavedModule):
    """τ_e = (h, v): h of a state and the actions from it, v of what came of them.

    Trained so that h tells which v is its own among those of other tasks (GenHyper, equation 7;
    Make-An-Agent). States are standardised in training and ever after alike.

    Args:
        config: Sizes.
        generator: Source of the initial weights.

    Raises:
        InputError: If the configuration is of another class.
    """

    kind = "behaviour-embedding"
    config: EmbeddingConfig
    config_type: ClassVar[type[EmbeddingConfig]] = EmbeddingConfig

    def __init__(self, config: EmbeddingConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        seen, hidden, width = config.observation_dim, config.hidden, config.width
        self.trajectory = nn.Sequential(
            linear(seen + config.steps * config.action_dim, hidden, generator),
            nn.ReLU(),
            linear(hidden, hidden, generator),
            nn.ReLU(),
            linear(hidden, width, generator),
        )
        self.after = nn.Sequential(
            linear(config.outcomes * seen, hidden, generator),
            nn.LayerNorm(hidden),
            nn.Tanh(),
            linear(hidden, width, generator),
        )
        drawn = torch.rand(width, width, generator=generator)
        self.likeness = nn.Parameter(drawn / width)
        self.register_buffer("mean", torch.zeros(seen))
        self.register_buffer("unit", torch.ones(seen))

    mean: Tensor
    unit: Tensor

    @property
    def embedding_dim(self) -> int:
        """C of samplers that read τ_e: the widths of h and v."""
        return 2 * self.config.width

    def fit(self, behaviour: Behaviour) -> None:
        """Take mean and deviation of states from behaviour in training tasks.

        Raises:
            InputError: If there is none, or a number is not finite.
        """
        states = torch.cat((behaviour.first, behaviour.outcome.flatten(0, 1))).double()
        if not len(states) or not bool(torch.isfinite(states).all()):
            raise InputError(
                f"Got {len(states)} states to take units of; at least one is needed, and all must "
                "be finite: drop diverged episodes."
            )
        self.mean.copy_(states.mean(0))
        unit = states.std(0, correction=0)
        self.unit.copy_(torch.where(unit < CONSTANT, 1.0, unit))

    def parts(self, behaviour: Behaviour) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
        """Both parts of each stretch's embedding, h and v.

        Raises:
            InputError: If stretches have other sizes.
        """
        config = self.config
        wanted = (
            (config.observation_dim,),
            (config.steps, config.action_dim),
            (config.outcomes, config.observation_dim),
        )
        given = tuple(tuple(value.shape[1:]) for value in vars(behaviour).values())
        if given != wanted:
            raise InputError(
                f"First state, actions and outcome of a stretch have shapes {given}; this "
                f"embedding wants {wanted}."
            )
        first = (behaviour.first - self.mean) / self.unit
        outcome = (behaviour.outcome - self.mean) / self.unit
        h: Tensor = self.trajectory(torch.cat((first, behaviour.actions.flatten(1)), -1))
        v: Tensor = self.after(outcome.flatten(1))
        return h, v

    def loss(self, behaviour: Behaviour) -> Float[Tensor, ""]:
        """Equation 7, the cross-entropy of a stretch's own outcome among all the batch's.

        The paper's fraction of h W v, without an exponential, is undefined where one is negative;
        this is the loss that it is adapted from. A batch should hold different tasks: two
        stretches of one task would be asked to be told apart.

        Args:
            behaviour: At least two stretches.
        """
        h, v = self.parts(behaviour)
        logits = h @ self.likeness @ v.T
        own = torch.arange(len(logits), device=logits.device)
        return functional.cross_entropy(logits, own)

    @torch.no_grad()
    def embed(self, behaviour: Behaviour) -> Float[Tensor, "B C"]:
        """τ_e of each stretch: what samplers read as the condition of its task.

        Raises:
            InputError: If stretches have other sizes.
        """
        return torch.cat(self.parts(behaviour), -1)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "BehaviourEmbedding":
        """Load an embedding, equal bit for bit to the one saved.

        Args:
            folder: A model folder, or a run folder of `hyperdyn train genhyper embedding`.

        Raises:
            CheckpointError: If the folder is missing, damaged or foreign.
        """
        return cls.read(policy_folder(folder))
