"""The sizes of a goal-conditioned policy, and what its training weighs."""

from dataclasses import dataclass

from hyperdyn.errors import InputError
from hyperdyn.networks import MLPSpec
from hyperdyn.policies.hypogen import HyPoGenConfig


@dataclass(frozen=True, kw_only=True)
class GoalConfig:
    """What every policy for goals has; layers, frames and losses are Hyper-GoalNet's.

    Widths are open, and so small that a run takes minutes of one core.

    Raises:
        InputError: If a size is not positive, a weight negative, or a scene neither numbers nor a
            picture.
    """

    scene: tuple[int, ...]
    """Shape of what is seen of the world, and shown as a goal: (G,) numbers, or (h, w, 3) for a
    picture, its sides multiples of 8."""
    proprioception_dim: int
    """What the actor knows of itself; goals say nothing of it."""
    action_dim: int
    """A; actions are within -1 and 1."""
    frames: int = 2
    """L, moments that the policy sees, the present one the last."""
    latent_dim: int = 16
    """Z, width of an encoded scene."""
    encoder_hidden: int = 64
    """Hidden width of the encoders of numbers and of keypoints."""
    proprioception_latent: int = 4
    """Width of encoded proprioception."""
    hidden: tuple[int, ...] = (32, 32)
    """Hidden widths of the policies; the paper's have three layers."""
    forward_hidden: int = 64
    """Hidden width of the forward model."""
    prediction_weight: float = 1.0
    """Of the forward model's error."""
    prediction_stop: bool = False
    """Whether the latent that it should foretell is taken as given: no gradient flows into it.
    Without, encoders can collapse; what else they are trained for keeps them from it."""
    distance_weight: float = 1.0
    """Of the distance that grows towards the goal."""
    distance_stop: bool = False
    """Whether the goal's latent is taken as given in it."""
    margin: float = 0.0
    """By how much the distance should fall at every step."""

    def __post_init__(self) -> None:
        """Check sizes and weights."""
        sizes = (self.proprioception_dim, self.action_dim, self.frames, self.latent_dim)
        widths = (self.encoder_hidden, self.proprioception_latent, self.forward_hidden)
        if min(*sizes, *widths, *self.hidden, 1) < 1:
            raise InputError(f"Sizes of a policy for goals must be positive; got {self}.")
        picture = len(self.scene) == 3 and self.scene[2] == 3
        if min(self.scene, default=0) < 1 or not (len(self.scene) == 1 or picture):
            raise InputError(f"A scene is (G,) numbers or an (h, w, 3) picture; got {self.scene}.")
        if picture and (self.scene[0] % 8 or self.scene[1] % 8):
            raise InputError(f"Sides of pictures must be multiples of 8; got {self.scene[:2]}.")
        weights = (self.prediction_weight, self.distance_weight, self.margin)
        if not all(0 <= weight < float("inf") for weight in weights):
            raise InputError(
                f"Weights and the margin must be at least 0; got {', '.join(map(str, weights))}."
            )

    @property
    def input_dim(self) -> int:
        """I, width of what the policies see: every frame's latents side by side."""
        return self.frames * (self.latent_dim + self.proprioception_latent)

    @property
    def network(self) -> MLPSpec:
        """The policies, before the tanh: I -> A."""
        return MLPSpec(sizes=(self.input_dim, *self.hidden, self.action_dim))


@dataclass(frozen=True, kw_only=True)
class GoalNetConfig(GoalConfig):
    """Sizes of Hyper-GoalNet's hypernetwork as well."""

    sees_current: bool = True
    """Whether weights are written from the goal's and the present scene's latent (the main
    variant), or the goal's alone (variant G)."""
    form: str = "latent"
    """Which HyPoGen: "raw" or "latent". The paper's equation is that of the first, which decodes K
    times; the other decodes once, and where every step has weights of its own that decides what
    training costs."""
    embedding_dim: int = 32
    """Width of encoded conditions."""
    blocks: int = 8
    """K, updates."""
    code_dim: int = 16
    """Width of an encoded layer."""
    codec_hidden: int = 32
    """Hidden width of the layers' encoders and decoders."""
    block_hidden: int = 16
    """Hidden width of the networks in blocks."""
    thought_width: int = 16
    """Width that blocks think the policies' hidden layers have."""

    def __post_init__(self) -> None:
        """Check sizes."""
        super().__post_init__()
        if self.form not in ("raw", "latent"):
            raise InputError(f'form is "raw" or "latent"; got {self.form!r}.')
        _ = self.hypernetwork

    @property
    def hypernetwork(self) -> HyPoGenConfig:
        """Sizes of the hypernetwork, as HyPoGen's."""
        return HyPoGenConfig(
            condition_dim=self.latent_dim * (2 if self.sees_current else 1),
            observation_dim=self.input_dim,
            action_dim=self.action_dim,
            hidden=self.hidden,
            embedding_dim=self.embedding_dim,
            blocks=self.blocks,
            code_dim=self.code_dim,
            codec_hidden=self.codec_hidden,
            block_hidden=self.block_hidden,
            thought_width=self.thought_width,
        )
