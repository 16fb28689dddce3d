"""What a goal-conditioned policy sees of a pushing table, and what it is shown as its goal."""

import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

from hyperdyn.envs.pushing import VIEWS, Camera, PushEnv
from hyperdyn.errors import require_known
from hyperdyn.pushing.state import turned_by
from hyperdyn.training.pushing.surroundings import OBJECT, ROD

CAMERA: Camera = VIEWS[4]
"""The one that faces the robot over the table."""
POSE_DIM = 4
SCENES: dict[str, tuple[int, ...]] = {
    "state": (POSE_DIM,),
    "image": (CAMERA.height // 2, CAMERA.width // 2, 3),
    "image-128": (CAMERA.height, CAMERA.width, 3),
}
"""What a scene is, and its shape: the object's x and y and the cosine and sine of its yaw; a
picture of 64 pixels a side, which a core learns from in minutes; one of 128, as the paper's are."""
PROPRIOCEPTION_DIM = 2
"""The rod's x and y: what an arm knows of itself."""


def poses(states: Float[Tensor, "*batch 16"]) -> Float[Tensor, "*batch 4"]:
    """The object's x and y (m), and the cosine and sine of its yaw."""
    yaw = turned_by(states)
    return torch.cat([states[..., OBJECT], torch.stack((yaw.cos(), yaw.sin()), dim=-1)], dim=-1)


def proprioception(states: Float[Tensor, "*batch 16"]) -> Float[Tensor, "*batch 2"]:
    """The rod's x and y, m."""
    return states[..., ROD]


def mirrored(values: Shaped[Tensor, "*batch"], axes: int) -> Shaped[Tensor, "*batch"]:
    """Pictures, poses, positions or pushes with the table's left and right changed over.

    Args:
        values: Pictures [..., h, w, 3], or numbers [..., W], of which the second and the fourth are
            along y: the object's y and the sine of its yaw, the rod's y, the push's y.
        axes: Of each of them: 3 or 1.
    """
    if axes == 3:
        return values.flip(-2)
    signs = torch.ones(values.shape[-1])
    signs[1::2] = -1
    return values * signs


def picture(env: PushEnv) -> UInt8[Tensor, "128 128 3"]:
    """What the camera sees once the arm is turned aside.

    With the arm in the picture, goals of hindsight show how the last push went, and from which
    side: policies then read the arm, not the object, and are lost where it is not so.
    """
    with env.world.arm_aside():
        return torch.from_numpy(env.view(CAMERA).rgb.copy())


def shown(pictures: UInt8[Tensor, "*batch 128 128 3"], scene: str) -> UInt8[Tensor, "*batch h w 3"]:
    """The camera's pictures as a scene has them: as they are, or each four pixels one, their mean.

    Args:
        pictures: From `picture`.
        scene: "image" or "image-128".
    """
    height, width, _ = SCENES[scene]
    if pictures.shape[-3] == height:
        return pictures
    blocks = pictures.unflatten(-3, (height, -1)).unflatten(-2, (width, -1))
    total = blocks.sum(dim=(-4, -2), dtype=torch.int16)
    each = blocks.shape[-4] * blocks.shape[-2]
    found: Tensor = (total + each // 2).div(each, rounding_mode="floor").to(torch.uint8)
    return found


def seen(env: PushEnv, state: Float[Tensor, "16"], scene: str) -> Shaped[Tensor, "*scene"]:
    """The present scene.

    Args:
        env: The table.
        state: What it observed.
        scene: A name in `SCENES`.
    """
    require_known("scene", scene, SCENES)
    return poses(state) if scene == "state" else shown(picture(env), scene)


def goal_seen(env: PushEnv, state: Float[Tensor, "16"], scene: str) -> Shaped[Tensor, "*scene"]:
    """The scene with the object at its target, turned as it is now.

    For a picture the object is put there, and put back.

    Args:
        env: A table that nothing was pushed on yet.
        state: What it observed.
        scene: A name in `SCENES`.
    """
    require_known("scene", scene, SCENES)
    if scene == "state":
        return poses(torch.cat([torch.from_numpy(env.goal).to(state), state[2:]]))
    world, body = env.world, env.world.bodies[0]
    (x, y, z), turned = world.call("getBasePositionAndOrientation", body)
    by = env.goal - state[OBJECT].double().numpy()
    place = [x + float(by[0]), y + float(by[1]), z]
    world.call("resetBasePositionAndOrientation", body, place, turned)
    found = shown(picture(env), scene)
    world.call("resetBasePositionAndOrientation", body, (x, y, z), turned)
    return found
