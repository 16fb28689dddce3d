"""Soft actor-critic for T tasks at once: every network a row of flat weights, one Adam for all."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hyperdyn.networks import MLPSpec, batched_mlp, default_parameters
from hyperdyn.training.experts.configs import ActorTuning, SACSettings

LOWEST_LOG_STD, HIGHEST_LOG_STD = -20.0, 2.0


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B transitions of each task, and the noise that an optimiser step needs, N(0, 1)."""

    observations: Float[Tensor, "T B O"]
    actions: Float[Tensor, "T B A"]
    rewards: Float[Tensor, "T B"]
    following: Float[Tensor, "T B O"]
    terminated: Float[Tensor, "T B"]
    noise: Float[Tensor, "T B A"]
    following_noise: Float[Tensor, "T B A"]


class BatchedSAC(nn.Module):
    """Actors, twin critics and temperatures of T tasks; no task's numbers depend on another's.

    An actor is one MLP from the observation to means and log standard deviations of its actions
    before tanh. Losses are means over a task's batch and sums over tasks, and Adam works entry by
    entry: each row learns as it would alone.

    Args:
        settings: The learner's numbers.
        observation_dim: O.
        action_dim: A.
        generators: Of each task's initial weights.
        tuning: For actors that can act already; None: plain soft actor-critic.
    """

    def __init__(
        self,
        settings: SACSettings,
        *,
        observation_dim: int,
        action_dim: int,
        generators: list[torch.Generator],
        tuning: ActorTuning | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self._tuning = tuning
        self.action_dim = action_dim
        self.actor_spec = MLPSpec(sizes=(observation_dim, *settings.hidden, 2 * action_dim))
        self.critic_spec = MLPSpec(sizes=(observation_dim + action_dim, *settings.hidden, 1))
        drawn = [
            (
                default_parameters(self.actor_spec, g),
                default_parameters(self.critic_spec, g),
                default_parameters(self.critic_spec, g),
            )
            for g in generators
        ]
        self.actors = nn.Parameter(torch.stack([actor for actor, _, _ in drawn]))
        # The first critics of all tasks, then the second ones.
        twins = torch.stack([own[1] for own in drawn] + [own[2] for own in drawn])
        self.critics = nn.Parameter(twins)
        first = 0.0 if tuning is None else math.log(tuning.first_temperature)
        self.log_temperatures = nn.Parameter(torch.full((len(drawn),), first))
        self.targets: Tensor
        self.register_buffer("targets", twins.clone())

    def optimiser(self) -> torch.optim.Adam:
        """Adam for all of it, to be given to `update`."""
        groups = [{"params": [parameter]} for parameter in self.parameters()]
        return torch.optim.Adam(groups, lr=self.settings.learning_rate, fused=True)

    @torch.no_grad()
    def act(
        self, observations: Float[Tensor, "T O"], noise: Float[Tensor, "T A"] | None = None
    ) -> Float[Tensor, "T A"]:
        """An action of each task: drawn with N(0, 1) noise, or the mean's without."""
        given = None if noise is None else noise[:, None]
        return squashed(batched_mlp(self.actor_spec, self.actors, observations[:, None]), given)[
            :, 0
        ]

    def update(self, batch: Batch, optimiser: torch.optim.Adam) -> None:
        """One step of temperatures, critics and actors, in this order; the targets follow.

        While actors wait for their critics temperatures do too: the entropy that they answer to
        does not change, and they would rise or fall without an end.
        """
        waits = self._tuning is not None and self._waits(self._tuning, optimiser)
        temperatures = self.log_temperatures.detach().exp()[:, None]
        actions, log_densities = self._sample(self.actors, batch.observations, batch.noise)
        if not waits:
            surplus = (log_densities.detach() - self.action_dim).mean(1)  # target entropy: -A
            self._descend(optimiser, self.log_temperatures, -surplus)

        with torch.no_grad():
            following, densities = self._sample(self.actors, batch.following, batch.following_noise)
            value = self._least(self.targets, batch.following, following)
            value = value - temperatures * densities
            goal = batch.rewards + self.settings.discount * (1 - batch.terminated) * value
        found = self._values(self.critics, batch.observations, batch.actions)
        error = 0.5 * (found - goal).square().mean(-1).sum()
        self._descend(optimiser, self.critics, torch.autograd.grad(error, self.critics)[0])

        if not waits:
            least = self._least(self.critics.detach(), batch.observations, actions)
            loss = (temperatures * log_densities - least).mean(-1).sum()
            if self._tuning is not None:
                self._set_actor_rate(self._tuning, optimiser)
                if self._tuning.td_weight > 0:
                    loss = loss + self._tuning.td_weight * self._td_loss(self._tuning, batch)
            self._descend(optimiser, self.actors, torch.autograd.grad(loss, self.actors)[0])
        self.targets.lerp_(self.critics.detach(), self.settings.target_rate)

    def _waits(self, tuning: ActorTuning, optimiser: torch.optim.Adam) -> bool:
        """Whether the critics have yet to make some of the steps that actors wait for."""
        return float(optimiser.state[self.critics].get("step", 0.0)) < tuning.wait

    def _set_actor_rate(self, tuning: ActorTuning, optimiser: torch.optim.Adam) -> None:
        """By the steps that the optimiser has made with the actors, which it remembers."""
        made = float(optimiser.state[self.actors].get("step", 0.0))
        risen = min(1.0, made / tuning.rise)
        rate = tuning.first_rate + risen * (self.settings.learning_rate - tuning.first_rate)
        for group in optimiser.param_groups:
            if group["params"][0] is self.actors:
                group["lr"] = rate

    def _td_loss(self, tuning: ActorTuning, batch: Batch) -> Float[Tensor, ""]:
        """Half the squared temporal difference, as a function of the actors (equation 6)."""
        following, _ = self._sample(self.actors, batch.following, batch.following_noise)
        value = self._least(self.targets, batch.following, following)
        discount = self.settings.discount if tuning.td_discounted else 1.0
        with torch.no_grad():
            found = self._least(self.critics, batch.observations, batch.actions)
        error = batch.rewards + discount * (1 - batch.terminated) * value - found
        return 0.5 * error.square().mean(-1).sum()

    def _descend(self, optimiser: torch.optim.Adam, which: nn.Parameter, gradient: Tensor) -> None:
        which.grad = gradient
        optimiser.step()
        which.grad = None

    def _sample(
        self,
        actors: Float[Tensor, "T P"],
        observations: Float[Tensor, "T B O"],
        noise: Float[Tensor, "T B A"],
    ) -> tuple[Float[Tensor, "T B A"], Float[Tensor, "T B"]]:
        """Actions, and the logarithms of their densities."""
        means, log_stds = heads(batched_mlp(self.actor_spec, actors, observations))
        before = means + log_stds.exp() * noise
        normal = -0.5 * noise.square() - log_stds - 0.5 * math.log(2 * math.pi)
        # log(1 - tanh²), in a form that is exact far from zero too.
        shrunk = 2 * (math.log(2.0) - before - functional.softplus(-2 * before))
        return before.tanh(), (normal - shrunk).sum(-1)

    def _values(
        self,
        critics: Float[Tensor, "two_T P"],
        observations: Float[Tensor, "T B O"],
        actions: Float[Tensor, "T B A"],
    ) -> Float[Tensor, "2 T B"]:
        inputs = torch.cat((observations, actions), -1).repeat(2, 1, 1)
        values = batched_mlp(self.critic_spec, critics, inputs)
        return values.view(2, *actions.shape[:2])

    def _least(
        self,
        critics: Float[Tensor, "two_T P"],
        observations: Float[Tensor, "T B O"],
        actions: Float[Tensor, "T B A"],
    ) -> Float[Tensor, "T B"]:
        """The lower one of the twins' values."""
        return self._values(critics, observations, actions).amin(0)


def heads(
    outputs: Float[Tensor, "*batch two_A"],
) -> tuple[Float[Tensor, "*batch A"], Float[Tensor, "*batch A"]]:
    """An actor's outputs as means and log standard deviations, before tanh."""
    means, log_stds = outputs.chunk(2, -1)
    return means, log_stds.clamp(LOWEST_LOG_STD, HIGHEST_LOG_STD)


def squashed(
    outputs: Float[Tensor, "*batch two_A"], noise: Float[Tensor, "*batch A"] | None
) -> Float[Tensor, "*batch A"]:
    """Actions in (-1, 1) of an actor's outputs: the mean's, or with N(0, 1) noise."""
    means, log_stds = heads(outputs)
    return (means if noise is None else means + log_stds.exp() * noise).tanh()
