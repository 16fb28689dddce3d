"""What planners see (`Dynamics`), and the model a hypernetwork wrote (`GeneratedDynamics`)."""

import abc
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.networks import MLPSpec, batched_mlp, split_parameters
from hyperdyn.rollout import Scorer as Scorer
from hyperdyn.rollout import rollout, scorer
from hyperdyn.states import StateSpace
from hyperdyn.storage import from_config, read_folder, to_config, write_folder
from hyperdyn.terms import TermTable


@runtime_checkable
class Dynamics(Protocol):
    """Anything a planner can plan with: a generated model, a simulator, a user's function."""

    @property
    def state_dim(self) -> int:
        """S."""

    @property
    def action_dim(self) -> int:
        """A."""

    @property
    def num_systems(self) -> int:
        """E."""

    def rollout(
        self, states: Float[Tensor, "E S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N H+1 S"]:
        """Roll N action sequences forward in each system; index 0 in time is the given state."""


@runtime_checkable
class InlineScorer(Protocol):
    """A scorer of `StreamingDynamics.scorer` that compiled planners can call without Python."""

    arguments: tuple[int, ...]
    """Numbers that its machine code gets between its tasks and the candidates."""

    def inline(self, samples: int, horizon: int) -> int | None:
        """Address of machine code for candidates of these sizes; None: call it from Python.

        The code takes 13 int64 in numba's convention: the address of an int64 zero, the five
        `arguments`, the addresses of candidates [E, N, H, A], 0, returns [E, N], 0, then E, N, H.
        """


class StreamingDynamics(abc.ABC):
    """A base for dynamics that can sum an objective up while they roll, keeping no trajectories."""

    @abc.abstractmethod
    def scorer(self, states: Float[Tensor, "E S"], table: TermTable) -> Scorer | None:
        """Prepare to score candidates from these states; None: not with these tensors.

        The result maps actions [E, N, H, A] to returns [E, N] and, if a term is hard, violations
        [E, N]. A candidate that is not finite has a return of minus infinity.
        """


class SteppingDynamics(abc.ABC):
    """A base for dynamics that can step many states of one system at once, each where it stands."""

    @property
    def can_advance(self) -> bool:
        """Whether it can with these systems: not where states do not show all that moves."""
        return True

    @abc.abstractmethod
    def advance(
        self, states: Float[Tensor, "E N S"], actions: Float[Tensor, "E N A"]
    ) -> Float[Tensor, "E N S"]:
        """Next states, one for each state and its action."""


@dataclass(frozen=True)
class GeneratedDynamics(StreamingDynamics, SteppingDynamics):
    """E forward models δs = MLP(s, a), each with its own weights, as one plain value.

    The weights take states and actions in physical units and give the change in physical units:
    normalisation is already folded into the first and the last layer. Nothing is hidden: a value
    can be pickled, indexed, moved, saved, and used by several callers at once.

    Where an ensemble of generators wrote it, each system has M such models, its `members`. Each of
    them rolls out by itself, and the trajectory predicted is the mean of theirs (quaternions in it
    are not brought to unit length).
    """

    spec: MLPSpec
    """Network from (state inputs + A) to S."""
    state_space: StateSpace
    """Fields of the state and how changes compose."""
    parameters: Float[Tensor, "E P"]
    """Generated weights, one row a system; those of several members stand side by side in it."""

    @property
    def num_systems(self) -> int:
        """E."""
        return len(self.parameters)

    @property
    def state_dim(self) -> int:
        """S."""
        return self.state_space.dim

    @property
    def action_dim(self) -> int:
        """A."""
        return self.spec.sizes[0] - self.state_space.num_inputs

    @property
    def num_members(self) -> int:
        """M: 1, or for an ensemble more."""
        return self.parameters.shape[1] // self.spec.num_parameters

    @property
    def members(self) -> tuple["GeneratedDynamics", ...]:
        """Each member's models of all E systems, such as `planners.Ensemble` plans with."""
        rows = self.parameters.split(self.spec.num_parameters, dim=1)
        return tuple(replace(self, parameters=row) for row in rows)

    @property
    def parameters_by_layer(self) -> list[tuple[Tensor, Tensor]]:
        """Weight (E, outputs, inputs) and bias (E, outputs) of each layer.

        Raises:
            InputError: If there are several members; each has layers of its own.
        """
        return split_parameters(self.spec, self.parameters)

    def step(
        self, states: Float[Tensor, "E S"], actions: Float[Tensor, "E A"]
    ) -> Float[Tensor, "E S"]:
        """Predict the next state of each system.

        Raises:
            InputError: As `rollout`.
        """
        return self.rollout(states, actions[:, None, None])[:, 0, 1]

    def advance(
        self, states: Float[Tensor, "E N S"], actions: Float[Tensor, "E N A"]
    ) -> Float[Tensor, "E N S"]:
        """Predict the next states of N copies of each system, each from its own state.

        What a policy is rolled out with, which chooses its actions state by state. Of several
        members it is the mean of what each predicts from that state.

        Raises:
            InputError: As `rollout`.
        """
        E, N, _ = actions.shape
        if states.shape != (E, N, self.state_dim):
            raise InputError(
                f"advance got states of shape {tuple(states.shape)} and actions of "
                f"{tuple(actions.shape)}; give one state of {self.state_dim} numbers for each."
            )
        self._check(states[:, 0], actions[:, :, None])
        if self.num_members > 1:
            following = [member.advance(states, actions) for member in self.members]
            return torch.stack(following).mean(0)
        seen = states[..., self.state_space.input_columns().to(states.device)]
        inputs = torch.cat([seen, actions], dim=-1)
        changes = batched_mlp(self.spec, self.parameters, inputs)
        return self.state_space.compose(states, changes)

    def rollout(
        self, states: Float[Tensor, "E S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N H+1 S"]:
        """Predict N trajectories for each system.

        Args:
            states: Current states, in the units of the training data (SI).
            actions: N candidate sequences of H actions for each system.

        Returns:
            Trajectories; index 0 along the time axis is the given state.

        Raises:
            InputError: If a width, the number of systems, the dtype or the device does not match.
        """
        self._check(states, actions)
        M = self.num_members
        if M < 2:
            return rollout(self.spec, self.state_space, self.parameters, states, actions)
        # As E·M systems in one call.
        rolled = rollout(
            self.spec,
            self.state_space,
            self.parameters.reshape(-1, self.spec.num_parameters),
            states.repeat_interleave(M, dim=0),
            actions.repeat_interleave(M, dim=0),
        )
        later = rolled[:, :, 1:].unflatten(0, (-1, M)).mean(1)
        start = states[:, None, None].expand(-1, actions.shape[1], 1, -1)
        return torch.cat([start, later], dim=2)

    def scorer(self, states: Float[Tensor, "E S"], table: TermTable) -> Scorer | None:
        """Prepare to sum an objective up along trajectories from these states, keeping none.

        Args:
            states: Current states.
            table: The objective (`Objective.table`).

        Returns:
            A function from N candidates for each system [E, N, H, A] to the return of each, and its
            violation if the objective has hard terms; minus and plus infinity for one that is not
            finite. None where only trajectories can be had: with gradients, types, devices or state
            spaces that no kernel serves, and of several members, whose mean is what counts.

        Raises:
            InputError: If the states do not fit, or the objective reads a column that they lack.
        """
        self._check(states)
        if table.columns > self.state_dim:
            raise InputError(
                f"The objective reads state column {table.columns - 1}; this model's states have "
                f"{self.state_dim} columns, from 0."
            )
        if self.num_members > 1:
            return None
        return scorer(self.spec, self.state_space, self.parameters, states, table)

    def returns(
        self,
        states: Float[Tensor, "E S"],
        actions: Float[Tensor, "E N H A"],
        table: TermTable,
    ) -> tuple[Float[Tensor, "E N"], Float[Tensor, "E N"] | None] | None:
        """Score candidates once: `scorer(states, table)(actions)`.

        Raises:
            InputError: As `scorer` and `rollout`.
        """
        self._check(states, actions)
        score = self.scorer(states, table)
        asked = torch.is_grad_enabled() and actions.requires_grad
        return None if score is None or asked else score(actions)

    def _check(self, states: Tensor, actions: Tensor | None = None) -> None:
        wanted = (self.num_systems, self.state_dim)
        if states.shape != wanted:
            raise InputError(
                f"rollout got states of shape {tuple(states.shape)}; this model wants (E, S) = "
                f"{wanted}. Select systems of the model with dynamics[index], or stack the states."
            )
        self._check_kind("states", states)
        if actions is None:
            return
        if actions.ndim != 4 or actions.shape[::3] != (self.num_systems, self.action_dim):
            raise InputError(
                f"rollout got actions of shape {tuple(actions.shape)}; this model wants "
                f"(E, N, H, A) with E = {self.num_systems} and A = {self.action_dim}."
            )
        self._check_kind("actions", actions)

    def _check_kind(self, name: str, tensor: Tensor) -> None:
        if tensor.dtype != self.parameters.dtype or tensor.device != self.parameters.device:
            raise InputError(
                f"rollout got {name} of {tensor.dtype} on {tensor.device}; this model is "
                f"{self.parameters.dtype} on {self.parameters.device}. Convert them, or the "
                "model with dynamics.to(...)."
            )

    def __getitem__(self, index: int | slice | Tensor) -> "GeneratedDynamics":
        """Select systems; an integer keeps the leading axis, so the result still has E = 1."""
        if isinstance(index, int):
            index = torch.tensor([index])
        return replace(self, parameters=self.parameters[index])

    def to(self, target: torch.device | torch.dtype | str) -> "GeneratedDynamics":
        """Copy to a device or a floating-point type."""
        return replace(self, parameters=self.parameters.to(target))

    def save(self, folder: str | Path) -> None:
        """Write the models to a folder.

        Raises:
            CheckpointError: If it cannot be written; what stood there before is untouched.
        """
        config = {"spec": to_config(self.spec), "state_space": to_config(self.state_space)}
        write_folder(folder, "generated-dynamics", config, {"parameters": self.parameters})

    @classmethod
    def load(cls, folder: str | Path) -> "GeneratedDynamics":
        """Read models written by `save`, equal to them bit for bit.

        Raises:
            CheckpointError: If the folder is missing, damaged, or holds something else.
        """
        config, tensors = read_folder(folder, "generated-dynamics")
        return cls(
            from_config(MLPSpec, config["spec"]),
            from_config(StateSpace, config["state_space"]),
            tensors["parameters"],
        )
