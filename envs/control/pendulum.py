"""The pendulum that is too weak to swing up at once."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.control._checks import require_positive, require_rollout

GRAVITY = 10.0
LENGTH = 1.0


@dataclass(frozen=True, kw_only=True)
class Pendulum:
    """E pendulums with the equations and the reward of gymnasium's Pendulum-v1.

    State (2): angle from upright, rad, not wrapped, and its rate, rad/s, at most 8 either way.
    Action (1): torque in N m, clipped to [-2, 2]; a mass of 1 kg needs 5 to be held horizontal.
    """

    masses: tuple[float, ...] = (1.0,)
    """Mass of each pendulum, kg; its rod is 1 m long."""

    state_dim: ClassVar[int] = 2
    action_dim: ClassVar[int] = 1
    time_step: ClassVar[float] = 0.05
    """Seconds a step."""
    torque: ClassVar[float] = 2.0
    """Bound on the action, N m."""
    fastest: ClassVar[float] = 8.0
    """Bound on the rate, rad/s."""

    def __post_init__(self) -> None:
        """Refuse masses that are none."""
        require_positive("masses", self.masses)

    @property
    def num_systems(self) -> int:
        """E."""
        return len(self.masses)

    def hanging(self) -> Float[Tensor, "E 2"]:
        """Every pendulum at rest, straight down."""
        return torch.tensor([[math.pi, 0.0]]).repeat(self.num_systems, 1)

    def rollout(
        self, states: Float[Tensor, "E 2"], actions: Float[Tensor, "E N H 1"]
    ) -> Float[Tensor, "E N H+1 2"]:
        """Simulate N trajectories for each pendulum (semi-implicit Euler).

        Raises:
            InputError: If a width or the number of systems does not match.
        """
        require_rollout(states, actions, (self.num_systems, 2, 1))
        inertia = states.new_tensor(self.masses)[:, None, None] * LENGTH**2
        spin = 3 / inertia * self._clipped(actions) * self.time_step
        fall = 3 * GRAVITY / (2 * LENGTH) * self.time_step
        angle, rate = states[:, None].expand(-1, actions.shape[1], -1).unbind(-1)
        angles, rates = [angle], [rate]
        for step in range(actions.shape[2]):
            rate = rate + fall * angle.sin() + spin[:, :, step]
            rate = rate.clamp(-self.fastest, self.fastest)
            angle = angle + rate * self.time_step
            angles.append(angle)
            rates.append(rate)
        return torch.stack((torch.stack(angles, 2), torch.stack(rates, 2)), -1)

    def returns(
        self, states: Float[Tensor, "E N T 2"], actions: Float[Tensor, "E N H 1"]
    ) -> Float[Tensor, "E N"]:
        """Pendulum-v1's reward, -(angle² + 0.1 rate² + 0.001 torque²), summed over the actions.

        The angle is wrapped to [-π, π); angle and rate are those an action was taken in.
        """
        angle, rate = states[:, :, :-1].unbind(-1)
        angle = (angle + math.pi).remainder(2 * math.pi) - math.pi
        torque = self._clipped(actions)
        return -(angle.square() + 0.1 * rate.square() + 0.001 * torque.square()).sum(-1)

    def _clipped(self, actions: Float[Tensor, "E N H 1"]) -> Float[Tensor, "E N H"]:
        return actions[..., 0].clamp(-self.torque, self.torque)
