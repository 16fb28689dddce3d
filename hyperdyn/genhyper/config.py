"""The sizes of samplers of policies."""

import math
from dataclasses import dataclass

from hyperdyn.errors import InputError, require_known
from hyperdyn.networks import ACTIVATIONS, MLPSpec


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """Sizes that every sampler has, and the whole of the regression's.

    Raises:
        InputError: If a number is out of range.
        UnknownNameError: If the activation has no entry in `hyperdyn.networks.ACTIVATIONS`.
    """

    condition_dim: int
    """C, numbers that describe a task: 1 for a velocity or a direction."""
    observation_dim: int
    """O."""
    action_dim: int
    """A; actions are within -1 and 1."""
    hidden: tuple[int, ...] = (256, 256)
    """Hidden widths of the actors."""
    activation: str = "relu"
    """Behind every layer of the actors but the last."""
    period: float | None = None
    """Of conditions that are angles, 2π for radians: they are read as cosine and sine, so that 0
    and 2π are one. None: as plain numbers, standardised."""
    latent: bool = True
    """Whether codes are the latents of an autoencoder, or the standardised weights themselves."""
    chunk: int = 4096
    """Most weights in a token of the autoencoder; Make-An-Agent's has two, 5,120 and 17,544."""
    token_dim: int = 128
    """Width of an encoded token; Make-An-Agent has 1,024."""
    widths: tuple[int, ...] = (256, 128, 64)
    """Of the hour-glass that writes codes, down to its waist; up again they are the same. The
    released predecessor's are 2,048, 1,024, 512 and 256: these train in minutes of a core."""
    embedding_dim: int = 64
    """Width of an encoded condition."""
    dropout: float = 0.1
    """Share of the hour-glass's inner numbers that are left out in training."""

    def __post_init__(self) -> None:
        """Check sizes."""
        sizes = (self.condition_dim, self.observation_dim, self.action_dim, self.chunk)
        if min(*sizes, self.token_dim, self.embedding_dim, *self.hidden, *self.widths, 1) < 1:
            raise InputError(f"Sizes of a sampler must be positive; got {self}.")
        if not self.widths or not 0.0 <= self.dropout < 1.0:
            raise InputError(
                f"An hour-glass needs at least one width, and dropout lies in [0, 1); got "
                f"{self.widths} and {self.dropout}."
            )
        if self.period is not None and not 0.0 < self.period < math.inf:
            raise InputError(f"period must be positive, or None; got {self.period}.")
        require_known("activation", self.activation, ACTIVATIONS)

    @property
    def network(self) -> MLPSpec:
        """An actor: from O to means and log standard deviations of actions before tanh, 2 A."""
        sizes = (self.observation_dim, *self.hidden, 2 * self.action_dim)
        return MLPSpec(sizes=sizes, activation=self.activation)


@dataclass(frozen=True, kw_only=True)
class HypLatentConfig(SamplerConfig):
    """Sizes of HypLatent, and the weights of its losses, which the paper does not give.

    Raises:
        InputError: If a number is out of range.
    """

    noise_dim: int = 4
    """Numbers drawn for a policy; the paper's for cheetahs (128 for MetaWorld)."""
    judge_widths: tuple[int, ...] = (256, 256, 128)
    """Hidden widths of the discriminator; the released predecessor's are four times as wide."""
    reconstruction_weight: float = 1000.0
    """λ of equation 2: how much a sample should equal one of the task's experts. It is the released
    predecessor's. Noise loses some of its say as it grows, and without it policies are no good: on
    training tasks of Cheetah-Vel, after 1,000 updates of latents, 1 returned -275, 10 -120, 100 -82
    and 1,000 -57 (a regression -56), and samples differed by 2.8, 10.0, 4.2 and 1.8."""
    condition_weight: float = 1.0
    """λ of equation 4: how well the condition should be told from a sample."""
    saturating: bool = False
    """Whether the generator lowers log(1 - F), as equation 2 is written, or -log F, which has the
    same optimum and a gradient where samples are told easily; the released code has the latter."""

    def __post_init__(self) -> None:
        """Check sizes and weights."""
        super().__post_init__()
        if self.noise_dim < 1 or min(self.judge_widths, default=0) < 1:
            raise InputError(f"Sizes of a HypLatent must be positive; got {self}.")
        weights = (self.reconstruction_weight, self.condition_weight)
        if not all(0.0 <= weight < math.inf for weight in weights):
            raise InputError(f"Weights of losses must be at least 0; got {weights}.")


@dataclass(frozen=True, kw_only=True)
class DiffusionConfig(SamplerConfig):
    """Sizes of the diffusion sampler; steps are Make-An-Agent's.

    Raises:
        InputError: If a number is out of range.
    """

    levels: int = 100
    """Steps from a code to noise."""
    inference_steps: int = 10
    """Steps back, evenly spaced among them."""
    time_dim: int = 64
    """Width of an encoded level; even."""

    def __post_init__(self) -> None:
        """Check sizes."""
        super().__post_init__()
        if not 1 <= self.inference_steps <= self.levels:
            raise InputError(
                f"inference_steps must lie in 1 to levels; got {self.inference_steps} and "
                f"{self.levels}."
            )
        if self.time_dim < 4 or self.time_dim % 2:
            raise InputError(f"time_dim must be even and at least 4; got {self.time_dim}.")


@dataclass(frozen=True, kw_only=True)
class RefinerConfig:
    """Sizes of HypFormer's own network, the paper's where it gives them.

    Raises:
        InputError: If a number is out of range.
    """

    samples: int = 8
    """L, samples that make one refined policy."""
    token_dim: int = 256
    """Width of a token."""
    attention_heads: int = 128
    """Among which the token's width is divided: the paper's leave 2 numbers each."""
    feedforward_dim: int = 512
    """Hidden width behind the attention; the paper does not say."""
    similarity_weight: float = 1.0
    """λ of equation 8. The paper has 1,000 for all three, which Adam does not feel."""
    residual_weight: float = 1.0
    """λ of equation 9."""
    consistency_weight: float = 1.0
    """λ of equation 10."""

    def __post_init__(self) -> None:
        """Check sizes and weights."""
        sizes = (self.samples, self.token_dim, self.attention_heads, self.feedforward_dim)
        if min(sizes) < 1 or self.token_dim % self.attention_heads:
            raise InputError(
                "Sizes of a refiner must be positive, and attention_heads divide token_dim; got "
                f"{self}."
            )
        weights = (self.similarity_weight, self.residual_weight, self.consistency_weight)
        if not all(0.0 <= weight < math.inf for weight in weights):
            raise InputError(f"Weights of losses must be at least 0; got {weights}.")


@dataclass(frozen=True, kw_only=True)
class HypFormerConfig:
    """What a HypFormer refines, and its own sizes."""

    base_kind: str
    """Of the sampler that is refined, a name in `hyperdyn.genhyper.SAMPLERS`."""
    base: SamplerConfig
    """Its sizes, of its own class."""
    refiner: RefinerConfig
    """Of HypFormer."""

    @property
    def network(self) -> MLPSpec:
        """An actor, as the refined sampler has it."""
        return self.base.network

    @property
    def condition_dim(self) -> int:
        """C."""
        return self.base.condition_dim
