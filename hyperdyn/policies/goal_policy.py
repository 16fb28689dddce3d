"""What every policy for goals is: encoders, a forward model, losses, and a detector of arrival."""

import abc
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from hyperdyn.errors import InputError
from hyperdyn.policies.generator import policy_folder
from hyperdyn.policies.goal_config import GoalConfig
from hyperdyn.policies.goal_encoders import NumberEncoder, scene_encoder
from hyperdyn.policies.layers import two_layers
from hyperdyn.saved import SavedModule

AnyGoalPolicy = TypeVar("AnyGoalPolicy", bound="GoalPolicy")


@dataclass(frozen=True, kw_only=True)
class GoalPairs:
    """E goals, and M moments on the way to each: raw numbers, F = L + 1 frames a moment."""

    scenes: Shaped[Tensor, "n *scene"]
    """All that was seen, each scene once; the rest tells by number which is which."""
    goal: Int[Tensor, " E"]
    """The scene at the goal."""
    seen: Int[Tensor, "E M F"]
    """The L frames of each moment, the present one the last of them, and the frame after."""
    proprioception: Float[Tensor, "E M L Q"]
    """At the L frames."""
    actions: Float[Tensor, "E M A"]
    """What the expert did; weights are written at the first moment."""


@dataclass(frozen=True, kw_only=True)
class Losses:
    """The three parts of the loss, before their weights."""

    policy: Float[Tensor, ""]
    """Mean squared error of actions."""
    prediction: Float[Tensor, ""]
    """Mean squared error of the forward model: Φ(z, a) against the next z."""
    distance: Float[Tensor, ""]
    """Mean of max(0, β + d(z', z_g) - d(z, z_g)), d Euclidean."""


class GoalPolicy(SavedModule, abc.ABC):
    """Encodes a goal and the present with the same network, and acts (Hyper-GoalNet).

    Args:
        config: Sizes, of the class's `config_type`.
        generator: Source of the initial weights.

    Attributes:
        threshold: Distance of latents below which the goal counts as reached; infinitely small
            until `hyperdyn train goalnet` has found it on demonstrations.

    Raises:
        InputError: If the configuration is of another class.
    """

    config: GoalConfig
    config_type: ClassVar[type[GoalConfig]] = GoalConfig
    threshold: Tensor

    def __init__(self, config: GoalConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        width = config.latent_dim
        self.scene_encoder = scene_encoder(
            config.scene, config.encoder_hidden, width, generator=generator
        )
        self.proprioception_encoder = NumberEncoder(
            config.proprioception_dim,
            config.encoder_hidden,
            config.proprioception_latent,
            generator=generator,
        )
        self.forward_model: nn.Module = two_layers(
            width + config.action_dim, config.forward_hidden, width, generator
        )
        self.register_buffer("threshold", torch.zeros(()))

    @abc.abstractmethod
    def networks(
        self, goals: Float[Tensor, "E Z"], current: Float[Tensor, "E Z"]
    ) -> Float[Tensor, "E P"]:
        """What is worked out once for a goal: the weights of each policy, or what stands for them.

        Args:
            goals: Latents of goals.
            current: Latents of scenes.
        """

    @abc.abstractmethod
    def actions(
        self, networks: Float[Tensor, "E P"], inputs: Float[Tensor, "E M I"]
    ) -> Float[Tensor, "E M A"]:
        """Actions of each policy, within -1 and 1.

        Args:
            networks: From `networks`.
            inputs: From `inputs`.
        """

    def fit(self, scenes: Shaped[Tensor, "n *scene"], proprioception: Float[Tensor, "n Q"]) -> None:
        """Take the units of training data.

        Raises:
            InputError: If there are none, or one is not finite.
        """
        self.scene_encoder.fit(scenes)
        self.proprioception_encoder.fit(proprioception)

    def encode(self, scenes: Shaped[Tensor, "*batch_scene"]) -> Float[Tensor, "*batch Z"]:
        """Latents of scenes, goals or present ones.

        Raises:
            InputError: If they have another shape.
        """
        wanted = self.config.scene
        if tuple(scenes.shape[-len(wanted) :]) != wanted:
            raise InputError(
                f"Scenes have shape {tuple(scenes.shape)}; this policy sees scenes of shape "
                f"{wanted}, after any axes of a batch."
            )
        latents: Tensor = self.scene_encoder(scenes)
        return latents

    def inputs(
        self, latents: Float[Tensor, "*batch L Z"], proprioception: Float[Tensor, "*batch L Q"]
    ) -> Float[Tensor, "*batch I"]:
        """What policies see: the frames' latents and encoded proprioception, side by side."""
        own = self.proprioception_encoder(proprioception)
        return torch.cat([latents, own], dim=-1).flatten(-2)

    def losses(self, pairs: GoalPairs) -> Losses:
        """The parts of the loss on demonstrations."""
        encoded = self.encode(pairs.scenes)
        goals, latents = encoded[pairs.goal], encoded[pairs.seen]
        now, after = latents[:, :, -2], latents[:, :, -1]
        networks = self.networks(goals, now[:, 0])
        inputs = self.inputs(latents[:, :, :-1], pairs.proprioception)
        error = (self.actions(networks, inputs) - pairs.actions).square().mean()
        return Losses(
            policy=error,
            prediction=self._prediction(now, pairs.actions, after),
            distance=self._distance(now, after, goals),
        )

    def loss(self, pairs: GoalPairs) -> Float[Tensor, ""]:
        """Their weighted sum, what training lowers; parts without weight are not worked out on."""
        parts, config = self.losses(pairs), self.config
        total = parts.policy
        if config.prediction_weight:
            total = total + config.prediction_weight * parts.prediction
        if config.distance_weight:
            total = total + config.distance_weight * parts.distance
        return total

    def arrived(
        self, scenes: Shaped[Tensor, "E *scene"], goals: Shaped[Tensor, "E *scene"]
    ) -> Bool[Tensor, " E"]:
        """Whether scenes are taken for their goals: d(E(scene), E(goal)) < ε."""
        found: Tensor = latent_distances(self.encode(scenes), self.encode(goals)) < self.threshold
        return found

    @classmethod
    def from_pretrained(cls: type[AnyGoalPolicy], folder: str | Path) -> AnyGoalPolicy:
        """Load a policy of this class, equal bit for bit to the one saved.

        Args:
            folder: A model folder, or a run folder of `hyperdyn train goalnet`.

        Raises:
            CheckpointError: If the folder is missing, damaged, foreign, or of another class.
        """
        return cls.read(policy_folder(folder))

    def _prediction(self, now: Tensor, actions: Tensor, after: Tensor) -> Tensor:
        wanted = after.detach() if self.config.prediction_stop else after
        foretold: Tensor = self.forward_model(torch.cat([now, actions], dim=-1))
        return (foretold - wanted).square().mean()

    def _distance(self, now: Tensor, after: Tensor, goals: Tensor) -> Tensor:
        aim = (goals.detach() if self.config.distance_stop else goals)[:, None]
        grown = latent_distances(after, aim) - latent_distances(now, aim)
        return (self.config.margin + grown).clamp(min=0).mean()


def latent_distances(
    first: Float[Tensor, "*#batch Z"], second: Float[Tensor, "*#batch Z"]
) -> Float[Tensor, "*#batch"]:
    """Euclidean distances of latents; the gradient where they are equal is zero."""
    away: Tensor = (first - second).norm(dim=-1)
    return away
