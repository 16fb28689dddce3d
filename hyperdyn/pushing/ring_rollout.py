"""Forward models as a function of the yaw: written out at a few turns, mixed in between."""

import functools
import math
import warnings
from dataclasses import dataclass
from types import ModuleType

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.networks import MLPSpec, batched_mlp
from hyperdyn.pushing.state import STATE_SPACE, turned_by
from hyperdyn.rollout.dispatch import plain


@dataclass(frozen=True)
class ModelRing:
    """The forward models of E objects at R evenly spaced turns, and mixes of the nearest two.

    Every parameter is linear between turns. On trained models neither cubic interpolation nor
    interpolated shape codes are nearer to what is made for the very yaw; more turns are.
    """

    spec: MLPSpec
    parameters: Float[Tensor, "E R P"]
    """In physical units, at the turns 0, 2π/R, 4π/R …"""
    starts: Float[Tensor, " E"]
    """Yaws at which the rings begin, radians."""

    def at(self, yaw: Float[Tensor, "E N"]) -> Float[Tensor, "E N P"]:
        """The parameters at N yaws of each object."""
        count = self.parameters.shape[1]
        place = (yaw - self.starts[:, None]) * (count / (2 * math.pi))
        first = place.floor()
        index, systems = first.long(), torch.arange(len(yaw), device=yaw.device)[:, None]
        before, after = (
            self.parameters[systems, (index + shift).remainder(count)] for shift in (0, 1)
        )
        return before.lerp(after, (place - first)[..., None])

    def rollout(
        self, states: Float[Tensor, "E N S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N H+1 S"]:
        """Roll each state forward, its model mixed anew at every push; compiled where it can be.

        A compiled kernel serves float32 on the CPU; `reference` serves every type and device, and
        the kernel returns what it returns, within float32 rounding.
        """
        tensors = (self.parameters, self.starts, states, actions)
        if states.is_cpu and plain(tensors):
            for kernel in _kernel():
                rolled: Tensor = kernel.rollout(
                    self.spec, self._packed, self.starts, states, actions
                )
                return rolled
        return self.reference(states, actions)

    def reference(
        self, states: Float[Tensor, "E N S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N H+1 S"]:
        """`rollout` in plain torch."""
        columns = STATE_SPACE.input_columns().to(states.device)
        trajectory = [states]
        for pushes in actions.unbind(2):
            now = trajectory[-1]
            inputs = torch.cat([now[..., columns], pushes], dim=-1)
            networks = self.at(turned_by(now)).flatten(0, 1)
            changes = batched_mlp(self.spec, networks, inputs.flatten(0, 1)[:, None])
            trajectory.append(STATE_SPACE.compose(now, changes.reshape(now.shape)))
        return torch.stack(trajectory, dim=2)

    @functools.cached_property
    def _packed(self) -> Tensor:
        packed: Tensor = _kernel()[0].packed(self.spec, self.parameters)
        return packed


@functools.cache
def _kernel() -> tuple[ModuleType, ...]:
    """Load the kernel when it is first wanted; without it the reference serves."""
    try:
        from hyperdyn.pushing import ring_kernel
    except ImportError as error:
        warnings.warn(
            f"The compiled rollout of pushing cannot be loaded ({error}); the slower torch rollout "
            "is used. Install numba as constraints.txt names it.",
            RuntimeWarning,
            stacklevel=2,
        )
        return ()
    return (ring_kernel,)
