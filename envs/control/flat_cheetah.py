"""The half-cheetah on flat ground."""

import mujoco
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn import assets
from hyperdyn.envs.control._checks import require_positive
from hyperdyn.envs.mujoco_dynamics import MujocoDynamics

FRICTION = 0.4
NOISE = 0.1


def flat_cheetah(
    *, frictions: tuple[float, ...] = (FRICTION,), frame_skip: int = 5, threads: int = 1
) -> MujocoDynamics:
    """The true dynamics of E half-cheetahs, each on flat ground of its own friction.

    State (18): `qpos`, of which the first is the root's x in m, and `qvel`. Action (6): torques in
    [-1, 1] of the gears, each held for `frame_skip` steps of 0.01 s (gymnasium's HalfCheetah: 5).

    Args:
        frictions: Sliding friction coefficient of each ground.
        frame_skip: Simulator steps an action lasts.
        threads: Of the simulator.

    Raises:
        InputError: If a friction is not positive, or as `MujocoDynamics`.
    """
    require_positive("frictions", frictions)
    return MujocoDynamics(
        [_model(friction) for friction in frictions], frame_skip=frame_skip, threads=threads
    )


def flat_cheetah_start(systems: int, generator: torch.Generator) -> Float[Tensor, "E 18"]:
    """Draw where cheetahs begin: on their feet, with noise as in gymnasium's HalfCheetah."""
    positions = 2 * torch.rand(systems, 9, generator=generator) - 1
    return NOISE * torch.cat((positions, torch.randn(systems, 9, generator=generator)), dim=1)


def _model(friction: float) -> mujoco.MjModel:
    spec = mujoco.MjSpec.from_file(str(assets.robot("half_cheetah")))
    # Of two geoms that touch, the larger friction counts: the robot's own must not be it.
    for geom in spec.geoms:
        geom.friction[0] = min(geom.friction[0], friction)
    spec.worldbody.add_geom(
        name="ground",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[40.0, 40.0, 40.0],
        contype=1,
        conaffinity=1,
        condim=3,
        friction=[friction, 0.1, 0.1],
        solref=[0.02, 1],
        solimp=[0, 0.8, 0.01, 0.5, 2],
    )
    return spec.compile()
