"""Dynamics around others: what they do about states or pushes, of the same sizes."""

from dataclasses import dataclass

from hyperdyn.dynamics import Dynamics


@dataclass(frozen=True)
class Wrapped:
    """The sizes of the dynamics inside; a subclass says how they roll out."""

    dynamics: Dynamics

    @property
    def num_systems(self) -> int:
        """E."""
        return self.dynamics.num_systems

    @property
    def state_dim(self) -> int:
        """S."""
        return self.dynamics.state_dim

    @property
    def action_dim(self) -> int:
        """A."""
        return self.dynamics.action_dim
