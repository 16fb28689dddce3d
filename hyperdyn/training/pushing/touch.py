"""Dynamics in which nothing moves that is not touched."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.pushing.state import STATE_SPACE
from hyperdyn.training.pushing.surroundings import ROD, Surroundings
from hyperdyn.training.pushing.wrapped import Wrapped

_VELOCITY, _SPIN = STATE_SPACE.slice_of("velocity"), STATE_SPACE.slice_of("spin")
_PLACES = 7  # of the rod in one push, 1 cm apart at most


@runtime_checkable
class Stepping(Dynamics, Protocol):
    """Dynamics that can also step many states of one system at once: `PushingDynamics` can."""

    def advance(
        self, states: Float[Tensor, "E N S"], actions: Float[Tensor, "E N A"]
    ) -> Float[Tensor, "E N S"]:
        """Next states, one for each state and its action."""


@dataclass(frozen=True)
class StillUntouched(Wrapped):
    """Pushed objects that stay where they lie while the rod passes them by.

    A learnt model lets an object drift by millimetres whatever the rod does. Over ten planned
    pushes that is a way forward that takes no risk, and plans were made of it: the rod went to and
    fro beside an object that never moved.
    """

    dynamics: Stepping
    """What a push does to an object that is touched, or still slides."""
    surroundings: Surroundings
    """Its outline."""
    near: float = 0.018
    """Distance of the rod's axis from the outline within which it may touch, m: its radius, and
    what outlines are off by."""
    slow: float = 0.02
    """Speed below which an object is at rest, m/s."""

    def rollout(
        self, states: Float[Tensor, "E S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N H+1 S"]:
        """Predict N sequences of pushes for each object; index 0 in time is the given state."""
        trajectory = [states[:, None].expand(-1, actions.shape[1], -1)]
        for pushes in actions.unbind(dim=2):
            trajectory.append(self.advance(trajectory[-1], pushes))
        return torch.stack(trajectory, dim=2)

    def advance(
        self, states: Float[Tensor, "E N S"], actions: Float[Tensor, "E N A"]
    ) -> Float[Tensor, "E N S"]:
        """Predict what one push does to N states of each object."""
        after = self.dynamics.advance(states, actions)
        still = self._still(states, after)[..., None]
        kept = states.clone()
        kept[..., _VELOCITY] = kept[..., _SPIN] = 0.0
        kept[..., ROD.start :] = after[..., ROD.start :]
        return torch.where(still, kept, after)

    def _still(
        self, before: Float[Tensor, "E N S"], after: Float[Tensor, "E N S"]
    ) -> Bool[Tensor, "E N"]:
        """Whether an object is at rest and the rod, on its straight way, nowhere near it."""
        at_rest = before[..., _VELOCITY][..., :2].norm(dim=-1) < self.slow
        shares = torch.linspace(0, 1, _PLACES).to(before)[:, None]
        start, end = before[..., None, ROD], after[..., None, ROD]
        rod = start + shares * (end - start)
        gap = self.surroundings.beyond(rod, before).amin(dim=-1)
        still: Tensor = at_rest & (gap > self.near)
        return still
