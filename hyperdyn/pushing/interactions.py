"""What a few pushes did: what the physics of an object is told from."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.pushing.state import ACTION_DIM, STATE_SPACE


@dataclass(frozen=True)
class Interactions:
    """K pushes of each of E objects, with the states before, between and after them.

    This is τ of the paper's section 3.1, with the outcome of the last push.

    Raises:
        InputError: If the two tensors do not belong together, have other widths, or hold a
            non-finite number.
    """

    states: Float[Tensor, "E _ S"]
    """K + 1 of each, SI units."""
    actions: Float[Tensor, "E K A"]
    """As the environments take them: in units of 6 cm."""

    def __post_init__(self) -> None:
        """Check that they belong together and are finite."""
        states, actions = self.states, self.actions
        wanted = (STATE_SPACE.dim, ACTION_DIM)
        if (
            states.ndim != 3
            or actions.ndim != 3
            or (states.shape[0], states.shape[1] - 1) != actions.shape[:2]
            or (states.shape[2], actions.shape[2]) != wanted
        ):
            raise InputError(
                f"Interactions got states {tuple(states.shape)} and actions "
                f"{tuple(actions.shape)}; give (E, K + 1, {wanted[0]}) and (E, K, {wanted[1]}): "
                "one state more than pushes."
            )
        for name, tensor in (("states", states), ("actions", actions)):
            bad = ~torch.isfinite(tensor)
            if bool(bad.any()):
                system, step, column = (int(i) for i in bad.nonzero()[0])
                raise InputError(
                    f"Interaction {name} hold {int(bad.sum())} non-finite numbers, the first at "
                    f"object {system}, step {step}, column {column}; push it again."
                )

    def __len__(self) -> int:
        """E."""
        return len(self.states)

    def __getitem__(self, index: slice | Tensor) -> "Interactions":
        """Select objects."""
        return Interactions(self.states[index], self.actions[index])


@dataclass(frozen=True)
class Truth:
    """What only a simulator knows of E objects; oracles are told it."""

    objects: Int[Tensor, " E"]
    """Which training object each is; −1 for one of none of them."""
    masses: Float[Tensor, " E"]
    """In PyBullet's unit."""
    frictions: Float[Tensor, " E"]

    def __getitem__(self, index: slice | Tensor) -> "Truth":
        """Select objects."""
        return Truth(self.objects[index], self.masses[index], self.frictions[index])
