"""What a goal-conditioned policy sees of a pushing table, and what it is shown as its goal."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

from hyperdyn.envs.pushing import VIEWS, Camera, PushEnv
from hyperdyn.envs.pushing.world import World
from hyperdyn.errors import require_known
from hyperdyn.pushing.state import turned_by
from hyperdyn.training.pushing.surroundings import OBJECT, ROD

PIXELS = 64
"""Side of a picture."""
CAMERA: Camera = replace(VIEWS[4], width=PIXELS, height=PIXELS)
"""The one that faces the robot over the table."""
POSE_DIM = 4
SCENES: dict[str, tuple[int, ...]] = {"state": (POSE_DIM,), "image": (PIXELS, PIXELS, 3)}
"""What a scene is, and its shape: the object's x and y and the cosine and sine of its yaw, or a
picture."""
PROPRIOCEPTION_DIM = 2
"""The rod's x and y: what an arm knows of itself."""


def poses(states: Float[Tensor, "*batch 16"]) -> Float[Tensor, "*batch 4"]:
    """The object's x and y (m), and the cosine and sine of its yaw."""
    yaw = turned_by(states)
    return torch.cat([states[..., OBJECT], torch.stack((yaw.cos(), yaw.sin()), dim=-1)], dim=-1)


def proprioception(states: Float[Tensor, "*batch 16"]) -> Float[Tensor, "*batch 2"]:
    """The rod's x and y, m."""
    return states[..., ROD]


def picture(env: PushEnv) -> UInt8[Tensor, "h w 3"]:
    """What the camera sees now."""
    return torch.from_numpy(env.view(CAMERA).rgb.copy())


def seen(env: PushEnv, state: Float[Tensor, "16"], scene: str) -> Shaped[Tensor, "*scene"]:
    """The present scene.

    Args:
        env: The table.
        state: What it observed.
        scene: A name in `SCENES`.
    """
    require_known("scene", scene, SCENES)
    return poses(state) if scene == "state" else picture(env)


def goal_seen(env: PushEnv, state: Float[Tensor, "16"], scene: str) -> Shaped[Tensor, "*scene"]:
    """The scene with the object at its target, turned as it is now.

    For a picture the object and the rod are put there, as far from each other as they are, and put
    back: goals of hindsight show a rod beside the object too.

    Args:
        env: A table that nothing was pushed on yet.
        state: What it observed.
        scene: A name in `SCENES`.
    """
    require_known("scene", scene, SCENES)
    if scene == "state":
        return poses(torch.cat([torch.from_numpy(env.goal).to(state), state[2:]]))
    world, moved = env.world, env.goal - state[OBJECT].double().numpy()
    _shift(world, moved)
    found = picture(env)
    _shift(world, -moved)
    return found


def _shift(world: World, by: Float[np.ndarray, "2"]) -> None:
    body = world.bodies[0]
    (x, y, z), turned = world.call("getBasePositionAndOrientation", body)
    tip = world.tip()[:2]
    place = [x + float(by[0]), y + float(by[1]), z]
    world.call("resetBasePositionAndOrientation", body, place, turned)
    world.place_rod(tip + by)
