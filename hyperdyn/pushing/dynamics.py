"""Pushed objects as planners see them: the forward model is made anew at every planned push."""

import functools
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import GeneratedDynamics, SteppingDynamics
from hyperdyn.errors import InputError
from hyperdyn.networks import MLPSpec, in_units, join_parameters, split_parameters
from hyperdyn.pushing.predictor import Predictor
from hyperdyn.pushing.ring_rollout import ModelRing
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
            InputError: If a width, the number of objects, the dtype or the device does not match.
        """
        self._check(states, actions, 2)
        now = states[:, None].expand(-1, actions.shape[1], -1)
        return self._rolled(now, actions)

    @torch.no_grad()
    def advance(
        self, states: Float[Tensor, "E N S"], actions: Float[Tensor, "E N A"]
    ) -> Float[Tensor, "E N S"]:
        """Predict what one push does to N states of each object.

        Raises:
            InputError: As `rollout`.
        """
        self._check(states, actions, 3)
        return self._rolled(states, actions[:, :, None])[:, :, 1]

    @torch.no_grad()
    def model_at(self, states: Float[Tensor, "E S"]) -> GeneratedDynamics:
        """The forward models made for how the objects lie now, their weights written out.

        They hold for one push: afterwards the objects lie otherwise.
        """
        yaw = turned_by(states)[:, None]
        if self.ring is not None:
            parameters = self.ring.at(yaw)[:, 0]
        else:
            turned = self.turning.at(yaw)[:, 0]
            parameters = physical(
                self.predictor.spec,
                self.normaliser,
                self.predictor.parameters_from(self.kept, turned),
            )
        return GeneratedDynamics(self.predictor.spec, STATE_SPACE, parameters)

    @functools.cached_property
    @torch.no_grad()
    def ring(self) -> ModelRing | None:
        """The forward models written out all round, once for all plans; None if `turning` is exact.

        It is made when first wanted, of the predictor's weights at that time.
        """
        told = self.turning.round()
        if told is None:
            return None
        codes, predictor = told.ring.codes, self.predictor
        kept = self.kept.repeat_interleave(codes.shape[1], dim=0)
        parameters = predictor.parameters_from(kept, codes.flatten(0, 1))
        parameters = physical(predictor.spec, self.normaliser, parameters)
        return ModelRing(predictor.spec, parameters.unflatten(0, codes.shape[:2]), told.starts)

    def with_turning(self, turning: Turning) -> "PushingDynamics":
        """The same objects, their orientation told in another way."""
        return replace(self, turning=turning)

    def _rolled(self, now: Tensor, actions: Tensor) -> Tensor:
        if self.ring is not None:
            return self.ring.rollout(now, actions)
        if now.numel() == 0:  # no candidates
            return now[:, :, None].expand(-1, -1, actions.shape[2] + 1, -1)
        trajectories, stats = [now], self.normaliser
        for pushes in actions.unbind(2):
            inputs = normalised_inputs(stats, now, pushes)
            changes = self.predictor.changes(self.kept, self.turning.at(turned_by(now)), inputs)
            now = STATE_SPACE.compose(now, changes * stats.change_std + stats.change_mean)
            trajectories.append(now)
        return torch.stack(trajectories, dim=2)

    def _check(self, states: Tensor, actions: Tensor, axes: int) -> None:
        E, S, A = self.num_systems, STATE_SPACE.dim, ACTION_DIM
        widths = (len(states), states.shape[-1], len(actions), actions.shape[-1])
        axes_fit = states.ndim == axes and actions.ndim == (4 if axes == 2 else 3)
        if widths != (E, S, E, A) or not axes_fit:
            wanted = "(E, S), (E, N, H, A)" if axes == 2 else "(E, N, S), (E, N, A)"
            raise InputError(
                f"Got states {tuple(states.shape)} and actions {tuple(actions.shape)} for {E} "
                f"objects; give each of them states of {S} and actions of {A} numbers: {wanted}."
            )
        if axes == 3 and states.shape[1] != actions.shape[1]:
            raise InputError(
                f"Got {states.shape[1]} states and {actions.shape[1]} actions for each object; "
                "give an action for each state."
            )
        for name, tensor in (("states", states), ("actions", actions)):
            if (tensor.dtype, tensor.device) != (self.kept.dtype, self.kept.device):
                raise InputError(
                    f"Got {name} of {tensor.dtype} on {tensor.device}; these models are "
                    f"{self.kept.dtype} on {self.kept.device}. Convert them."
                )


def physical(
    spec: MLPSpec, stats: Normaliser, parameters: Float[Tensor, "*batch P"]
) -> Float[Tensor, "*batch P"]:
    """Networks of normalised inputs and changes, as networks of states, actions and changes."""
    columns = STATE_SPACE.input_columns().to(parameters.device)
    mean = torch.cat([stats.state_mean[columns], stats.action_mean])
    std = torch.cat([stats.state_std[columns], stats.action_std])
    outputs = (stats.change_mean, stats.change_std)
    layers = split_parameters(spec, in_units(spec, parameters, inputs=(mean, std), outputs=outputs))
    # The rod is seen from the object: what multiplies it takes the position with minus.
    position, rod = (
        [i for i, column in enumerate(columns.tolist()) if field.start <= column < field.stop]
        for field in (POSITION, ROD)
    )
    weight, bias = layers[0]
    weight = weight.clone()
    weight[..., position] -= weight[..., rod]
    layers[0] = (weight, bias)
    return join_parameters(layers)


def normalised_inputs(
    stats: Normaliser, states: Float[Tensor, "*batch S"], actions: Float[Tensor, "*batch A"]
) -> Float[Tensor, "*batch I"]:
    """What forward models see: the rod as seen from the object, no orientation."""
    seen = (centred(states) - stats.state_mean) / stats.state_std
    columns = STATE_SPACE.input_columns().to(states.device)
    return torch.cat([seen[..., columns], (actions - stats.action_mean) / stats.action_std], dim=-1)
