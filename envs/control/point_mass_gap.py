"""A point mass and a wall with a gap between it and the goal."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.control._checks import require_positive, require_rollout

Pair = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PointMassGap:
    """E point masses in a square room, which two boxes with a gap between them divide.

    State (4): position x, y in m, each in [-1.5, 1.5], and velocity in m/s. Action (2): force in N,
    each in [-1, 1]. The room's walls stop the mass. The boxes do not: to stay out of them is the
    planner's part. The straight way from `start` to `goal` runs through one of them.
    """

    masses: tuple[float, ...] = (1.0,)
    """Mass of each point, kg."""

    state_dim: ClassVar[int] = 4
    action_dim: ClassVar[int] = 2
    time_step: ClassVar[float] = 0.1
    """Seconds a step."""
    force: ClassVar[float] = 1.0
    """Bound on either entry of the action, N."""
    half_room: ClassVar[float] = 1.5
    """Bound on either entry of the position, m."""
    start: ClassVar[Pair] = (-1.0, 0.0)
    """Where the masses are at rest at first, m."""
    goal: ClassVar[Pair] = (1.0, 0.0)
    """Where they are to go, m."""
    boxes: ClassVar[tuple[tuple[Pair, Pair], ...]] = (
        ((0.0, -0.7), (0.15, 0.8)),
        ((0.0, 0.95), (0.15, 0.55)),
    )
    """Centre and half sizes of each box, m: the gap is 0.1 < y < 0.4."""

    def __post_init__(self) -> None:
        """Refuse masses that are none."""
        require_positive("masses", self.masses)

    @property
    def num_systems(self) -> int:
        """E."""
        return len(self.masses)

    def resting(self) -> Float[Tensor, "E 4"]:
        """Every mass at rest at the start."""
        return torch.tensor([[*self.start, 0.0, 0.0]]).repeat(self.num_systems, 1)

    def rollout(
        self, states: Float[Tensor, "E 4"], actions: Float[Tensor, "E N H 2"]
    ) -> Float[Tensor, "E N H+1 4"]:
        """Simulate N trajectories for each mass (semi-implicit Euler).

        Raises:
            InputError: If a width or the number of systems does not match.
        """
        require_rollout(states, actions, (self.num_systems, 4, 2))
        mass = states.new_tensor(self.masses)[:, None, None, None]
        pushes = actions.clamp(-self.force, self.force) / mass * self.time_step
        place, speed = states[:, None].expand(-1, actions.shape[1], -1).split(2, dim=-1)
        places, speeds = [place], [speed]
        for step in range(actions.shape[2]):
            speed = speed + pushes[:, :, step]
            free = place + speed * self.time_step
            place = free.clamp(-self.half_room, self.half_room)
            speed = torch.where(place == free, speed, 0.0)
            places.append(place)
            speeds.append(speed)
        return torch.cat((torch.stack(places, 2), torch.stack(speeds, 2)), -1)

    def clearance(self, places: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch"]:
        """Distance to the nearest box, m; negative inside, by the way out."""
        found = []
        for centre, half in self.boxes:
            beyond = (places - places.new_tensor(centre)).abs() - places.new_tensor(half)
            outside = torch.linalg.vector_norm(beyond.clamp(min=0), dim=-1)
            found.append(outside + beyond.amax(-1).clamp(max=0))
        return torch.stack(found).amin(0)
