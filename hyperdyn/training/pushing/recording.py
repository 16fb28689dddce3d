"""One shard of a collection: simulate its episodes and write them."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from hyperdyn.envs.pushing import VIEWS, Camera, Physics, Push, View
from hyperdyn.envs.pushing.base import POOLS
from hyperdyn.storage import write_folder
from hyperdyn.training.pushing.configs import KINDS, CollectConfig
from hyperdyn.training.pushing.episodes import (
    DIVERGED,
    ENDINGS,
    LEFT_TABLE,
    TENTHS,
    TOP_DOWN_EXTENT,
    TOP_DOWN_PIXELS,
    PushingEpisodes,
    PushingImages,
)
from hyperdyn.training.pushing.policy import PushingPolicy
from hyperdyn.training.seeds import seed_for

MOTION_KIND, IMAGES_KIND = "pushing-motion", "pushing-images"
Row = dict[str, Any]


def motion_folder(out: Path, shard: int) -> Path:
    """Where a shard's states and actions stand; written last, so that with it a shard is whole."""
    return out / "shards" / f"{shard:05d}"


def images_folder(out: Path, shard: int) -> Path:
    """Where a shard's pictures stand."""
    return out / "shards" / f"{shard:05d}-images"


def record_shard(
    config: CollectConfig,
    shard: int,
    env: Push,
    on_episode: Callable[[int], None] = lambda ending: None,
) -> tuple[PushingEpisodes, PushingImages | None]:
    """Simulate a shard's episodes.

    Args:
        config: What is collected.
        shard: Its number.
        env: From `make_env`; episodes do not depend on those before.
        on_episode: Called after each episode with its ending, for progress.
    """
    motions, images = [], []
    for episode in config.rows(shard):
        motion, image = _record_episode(config, episode, env)
        motions.append(motion)
        images.append(image)
        on_episode(motion["endings"])
    episodes = PushingEpisodes(**_stack(motions))
    if not (config.images or config.kind == "shapes"):
        return episodes, None
    return episodes, PushingImages(**_stack(images))


def write_shard(
    out: Path, shard: int, recorded: tuple[PushingEpisodes, PushingImages | None]
) -> None:
    """Write a shard in one step.

    Raises:
        CheckpointError: If it cannot be written.
    """
    episodes, images = recorded
    counts = torch.bincount(episodes.endings.long(), minlength=len(ENDINGS)).tolist()
    about = {"episodes": len(episodes), "endings": dict(zip(ENDINGS, counts, strict=True))}
    if images is not None:
        write_folder(images_folder(out, shard), IMAGES_KIND, about, images.tensors())
    write_folder(motion_folder(out, shard), MOTION_KIND, about, episodes.tensors())


def make_env(config: CollectConfig) -> Push:
    """The environment a collection is made in."""
    return Push(goals=False, physics=Physics(time_step=config.time_step))


def _record_episode(config: CollectConfig, episode: int, env: Push) -> tuple[Row, Row]:
    pool = POOLS[config.split]
    place = (KINDS.index(config.kind), tuple(POOLS).index(config.split), episode)
    rng = np.random.default_rng(seed_for(config.seed, "collect", *place, 1))
    seed = seed_for(config.seed, "collect", *place, 0)
    first, info = env.reset(seed=seed, options={"split": config.split})
    image = _picture(config, env, first, rng)
    context = info["context"]
    pushes = config.pushes if config.kind == "push" else 0
    actions, states, ending = _push(env, first, pushes, rng)
    motion = {
        "states": states.astype(np.float32),
        "actions": actions.astype(np.float32),
        "lengths": np.int64(len(actions) if ending is None else ending[1]),
        "endings": np.uint8(0 if ending is None else ending[0]),
        "objects": np.int64(pool.index(context["object"])),
        "masses": np.float32(context["mass"]),
        "frictions": np.float32(context["friction"]),
    }
    return motion, image


def _push(
    env: Push, first: Float[np.ndarray, "16"], pushes: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "T 3"], Float[np.ndarray, "T+1 16"], tuple[int, int] | None]:
    """Actions, states, and how and after how many whole pushes the episode was cut, if it was."""
    policy = PushingPolicy()
    states, actions = np.tile(first, (pushes + 1, 1)), np.zeros((pushes, 3))
    for push in range(pushes):
        action = policy.act(states[push][13:], env.object_box(), rng)
        state, _, _, _, info = env.step(action)
        if info["left_table"] or info["diverged"]:
            return actions, states, (LEFT_TABLE if info["left_table"] else DIVERGED, push)
        actions[push] = action
        states[push + 1 :] = state
    return actions, states, None


def _picture(
    config: CollectConfig, env: Push, state: Float[np.ndarray, "16"], rng: np.random.Generator
) -> Row:
    if config.kind == "shapes":
        index, camera = -1, _random_camera(rng)
    elif config.images:
        index = int(rng.integers(len(VIEWS)))
        camera = VIEWS[index]
    else:
        return {}
    view: View = env.view(camera)
    x, y, z, w = state[3:7]
    yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    shape = env.world.shapes[0]
    return {
        "rgb": view.rgb,
        "depth_tenths": np.rint(view.depth / TENTHS).astype(np.uint16),
        "intrinsics": view.intrinsics.astype(np.float32),
        "poses": view.pose.astype(np.float32),
        "views": np.int64(index),
        "boxes": view.boxes[0].astype(np.float32),
        "top_down": shape.footprint(TOP_DOWN_PIXELS, TOP_DOWN_EXTENT, yaw=yaw).astype(np.uint8),
    }


def _random_camera(rng: np.random.Generator) -> Camera:
    """Anywhere in front of the robot, 0.8 to 1.2 m away, 40 to 80 degrees above the table."""
    return Camera(
        azimuth=rng.uniform(-math.pi / 2, math.pi / 2),
        elevation=math.radians(rng.uniform(40.0, 80.0)),
        distance=rng.uniform(0.8, 1.2),
    )


def _stack(rows: list[Row]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
