"""Acting towards a goal: weights written at every step, or once a rollout."""

from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.policies.goal_policy import GoalPolicy, latent_distances

Writing = Literal["every-step", "once"]
WRITINGS: tuple[Writing, ...] = ("every-step", "once")


class Pursuit:
    """One rollout of E policies, each to its goal.

    Args:
        model: Writes and encodes.
        goals: What should be seen at the end.
        writing: Whether weights are written anew at every step, or once, at the first.

    Raises:
        InputError: If goals are not scenes of the policy, or the mode is another.
    """

    def __init__(
        self, model: GoalPolicy, goals: Shaped[Tensor, "E *scene"], *, writing: Writing
    ) -> None:
        if writing not in WRITINGS:
            raise InputError(f"Weights are written {' or '.join(WRITINGS)}; got {writing!r}.")
        self._model, self._writing = model, writing
        with torch.no_grad():
            self._goals = model.encode(goals)
        self._latents: list[Tensor] = []
        self._own: list[Tensor] = []
        self._networks: Tensor | None = None

    @torch.no_grad()
    def act(
        self, scenes: Shaped[Tensor, "E *scene"], proprioception: Float[Tensor, "E Q"]
    ) -> Float[Tensor, "E A"]:
        """Choose actions; call once a step, as frames are remembered.

        Args:
            scenes: What is seen now.
            proprioception: What the actors know of themselves now.
        """
        model, frames = self._model, self._model.config.frames
        latent = model.encode(scenes)
        # Before the first frame it was as it is in it.
        self._latents = [*(self._latents or [latent] * (frames - 1)), latent][-frames:]
        self._own = [*(self._own or [proprioception] * (frames - 1)), proprioception][-frames:]
        if self._networks is None or self._writing == "every-step":
            self._networks = model.networks(self._goals, latent)
        inputs = model.inputs(torch.stack(self._latents, dim=1), torch.stack(self._own, dim=1))
        return model.actions(self._networks, inputs[:, None])[:, 0]

    @torch.no_grad()
    def away(self, scenes: Shaped[Tensor, "E *scene"]) -> Float[Tensor, " E"]:
        """Distance of the scenes' latents from the goals'; below the threshold is arrival."""
        return latent_distances(self._model.encode(scenes), self._goals)
