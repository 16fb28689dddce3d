"""Pushed objects as planners see them: the forward model is made anew at every planned push."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import GeneratedDynamics, SteppingDynamics
from hyperdyn.errors import InputError
from hyperdyn.networks import join_parameters, split_parameters
from hyperdyn.pushing.predictor import Predictor
from hyperdyn.pushing.state import ACTION_DIM, POSITION, ROD, STATE_SPACE, centred, turned_by
from hyperdyn.pushing.turning import Turning
from hyperdyn.states import Normaliser


@dataclass(frozen=True)
class PushingDynamics(SteppingDynamics):
    """E objects under the rod, as one plain value.

    At each planned push the predicted yaw of every candidate decides its forward model (paper,
    section 3.3): `turning` tells how the object then lies, and `predictor` makes the model.
    """

    predictor: Predictor
    normaliser: Normaliser
    kept: Float[Tensor, "E C"]
    """What the predictor keeps of each object: for generated models, z_int."""
    turning: Turning

    @property
    def num_systems(self) -> int:
        """E."""
        return len(self.kept)

    @property
    def state_dim(self) -> int:
        """S."""
        return STATE_SPACE.dim

    @property
    def action_dim(self) -> int:
        """A."""
        return ACTION_DIM

    @torch.no_grad()
    def rollout(
        self, states: Float[Tensor, "E S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N H+1 S"]:
        """Predict N sequences of pushes for each object; index 0 in time is the given state.

        Raises:
            InputError: If a width or the number of objects does not match.
        """
        _, N, H, _ = actions.shape
        now = states[:, None].expand(-1, N, -1)
        self._check(now, actions[:, :, 0])
        trajectories = [now]
        for step in range(H):
            now = self._next(now, actions[:, :, step])
            trajectories.append(now)
        return torch.stack(trajectories, dim=2)

    @torch.no_grad()
    def advance(
        self, states: Float[Tensor, "E N S"], actions: Float[Tensor, "E N A"]
    ) -> Float[Tensor, "E N S"]:
        """Predict what one push does to N states of each object.

        Raises:
            InputError: As `rollout`.
        """
        self._check(states, actions)
        return self._next(states, actions)

    @torch.no_grad()
    def model_at(self, states: Float[Tensor, "E S"]) -> GeneratedDynamics:
        """The forward models made for how the objects lie now, their weights written out.

        They hold for one push: afterwards the objects lie otherwise.
        """
        turned = self.turning.at(turned_by(states)[:, None])[:, 0]
        parameters = self.predictor.parameters_from(self.kept, turned)
        stats, columns = self.normaliser, STATE_SPACE.input_columns()
        mean = torch.cat([stats.state_mean[columns], stats.action_mean])
        std = torch.cat([stats.state_std[columns], stats.action_std])
        layers = split_parameters(self.predictor.spec, parameters)
        weight, bias = layers[0]
        weight = weight / std
        bias = bias - weight @ mean
        # The rod is seen from the object: what multiplies it takes the position with minus.
        position, rod = (
            [i for i, column in enumerate(columns.tolist()) if field.start <= column < field.stop]
            for field in (POSITION, ROD)
        )
        weight = weight.clone()
        weight[..., position] -= weight[..., rod]
        layers[0] = (weight, bias)
        weight, bias = layers[-1]
        layers[-1] = (
            weight * stats.change_std[:, None],
            bias * stats.change_std + stats.change_mean,
        )
        return GeneratedDynamics(self.predictor.spec, STATE_SPACE, join_parameters(layers))

    def with_turning(self, turning: Turning) -> "PushingDynamics":
        """The same objects, their orientation told in another way."""
        return replace(self, turning=turning)

    def _next(self, states: Tensor, actions: Tensor) -> Tensor:
        inputs = normalised_inputs(self.normaliser, states, actions)
        turned = self.turning.at(turned_by(states))
        changes = self.predictor.changes(self.kept, turned, inputs)
        stats = self.normaliser
        return STATE_SPACE.compose(states, changes * stats.change_std + stats.change_mean)

    def _check(self, states: Tensor, actions: Tensor) -> None:
        E, S, A = self.num_systems, STATE_SPACE.dim, ACTION_DIM
        if (len(states), states.shape[-1], len(actions), actions.shape[-1]) != (E, S, E, A):
            raise InputError(
                f"Got states {tuple(states.shape)} and actions {tuple(actions.shape)} for {E} "
                f"objects; give each of them states of {S} and actions of {A} numbers."
            )


def normalised_inputs(
    stats: Normaliser, states: Float[Tensor, "*batch S"], actions: Float[Tensor, "*batch A"]
) -> Float[Tensor, "*batch I"]:
    """What forward models see: the rod as seen from the object, no orientation."""
    seen = (centred(states) - stats.state_mean) / stats.state_std
    columns = STATE_SPACE.input_columns().to(states.device)
    return torch.cat([seen[..., columns], (actions - stats.action_mean) / stats.action_std], dim=-1)
