"""The state of a pushing scene (HyperDynamics, section 3.1), and what forward models see of it."""

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.perception import yaw_of
from hyperdyn.states import Field, StateSpace

STATE_SPACE = StateSpace(
    (
        Field(name="position", size=3),
        Field(name="orientation", size=4, kind="quaternion", context=True),
        Field(name="velocity", size=3),
        Field(name="spin", size=3),
        Field(name="rod", size=3),
    )
)
"""S = 16: the object's position (m), orientation (x, y, z, w), velocities (m/s, rad/s), and the
rod's tip (m). Orientation is context: forward models get it through the shape code."""

ACTION_DIM = 3
NUM_INPUTS = STATE_SPACE.num_inputs + ACTION_DIM

POSITION = STATE_SPACE.slice_of("position")
ORIENTATION = STATE_SPACE.slice_of("orientation")
ROD = STATE_SPACE.slice_of("rod")

PLANAR = ("x", "y", "qz", "vx", "vy", "spin_z", "rod_x", "rod_y")
_COLUMNS = (
    *("x", "y", "z", "qx", "qy", "qz", "qw"),
    *("vx", "vy", "vz", "spin_x", "spin_y", "spin_z"),
    *("rod_x", "rod_y", "rod_z"),
)
_RATTLE = 0.02


def change_weights() -> Float[Tensor, " S"]:
    """How much the prediction of each column counts: 1 in the plane.

    The rest is what a sliding object's contacts rattle by, which nothing in the state foretells;
    it counts a fiftieth, so that predictions of it are calm.
    """
    return torch.tensor([1.0 if name in PLANAR else _RATTLE for name in _COLUMNS])


def centred(states: Float[Tensor, "*batch S"]) -> Float[Tensor, "*batch S"]:
    """States with the rod as seen from the object, as networks see them."""
    rod = states[..., ROD] - states[..., POSITION]
    return torch.cat([states[..., : ROD.start], rod], dim=-1)


def turned_by(states: Float[Tensor, "*batch S"]) -> Float[Tensor, "*batch"]:
    """The object's yaw, radians."""
    return yaw_of(states[..., ORIENTATION])
