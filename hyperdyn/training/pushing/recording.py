"""One shard of a collection: simulate its episodes and write them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from hyperdyn.envs.pushing import VIEWS, Physics, Push
from hyperdyn.envs.pushing.base import FRICTIONS, MASSES, POOLS
from hyperdyn.envs.pushing.world import World
from hyperdyn.storage import write_folder
from hyperdyn.training.pushing.configs import KINDS, CollectConfig
from hyperdyn.training.pushing.episodes import (
    COMPLETE,
    DIVERGED,
    ENDINGS,
    LEFT_TABLE,
    PushingEpisodes,
    PushingImages,
)
from hyperdyn.training.pushing.pictures import (
    MOST_OBJECTS,
    draw_shapes,
    picture,
    random_camera,
    set_scene,
)
from hyperdyn.training.pushing.policy import PushingPolicy
from hyperdyn.training.seeds import seed_for

MOTION_KIND, IMAGES_KIND = "pushing-motion", "pushing-images"
SHAPES_A_SHARD = 60
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
    kind = _seen_scenes if config.kind == "shapes" else _pushed_episodes
    motions, images = [], []
    for motion, image in kind(config, shard, env):
        motions.append(motion)
        images.append(image)
        on_episode(motion["endings"])
    episodes = PushingEpisodes(**_stack(motions))
    if not images[0]:
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


def _pushed_episodes(config: CollectConfig, shard: int, env: Push) -> Iterator[tuple[Row, Row]]:
    pool = POOLS[config.split]
    for episode in config.rows(shard):
        place = (KINDS.index(config.kind), tuple(POOLS).index(config.split), episode)
        rng = np.random.default_rng(seed_for(config.seed, "collect", *place, 1))
        seed = seed_for(config.seed, "collect", *place, 0)
        system = _draw_system(config, episode)
        first, _ = env.reset(seed=seed, options=system)
        image: Row = {}
        if config.images:
            index = int(rng.integers(len(VIEWS)))
            image = picture(env.world, VIEWS[index], index, places=1)
        actions, states, ending = push_at_random(env, first, config.pushes, rng)
        length = len(actions) if ending is None else ending[1]
        yield (
            {
                "actions": actions.astype(np.float32),
                "states": states.astype(np.float32),
                "lengths": np.int64(length),
                "endings": np.uint8(0 if ending is None else ending[0]),
                "objects": np.int64(pool.index(system["object"])),
                "masses": np.float32(system["mass"]),
                "frictions": np.float32(system["friction"]),
            },
            image,
        )


def _draw_system(config: CollectConfig, episode: int) -> dict[str, Any]:
    """Object, mass and friction: those of every episode of a system."""
    place = (KINDS.index(config.kind), tuple(POOLS).index(config.split))
    system = episode // config.per_system
    rng = np.random.default_rng(seed_for(config.seed, "collect", *place, system, 2))
    pool = POOLS[config.split]
    return {
        "object": pool[int(rng.integers(len(pool)))],
        "mass": rng.uniform(*MASSES),
        "friction": rng.uniform(*FRICTIONS),
    }


def _seen_scenes(config: CollectConfig, shard: int, env: Push) -> Iterator[tuple[Row, Row]]:
    place = (KINDS.index(config.kind), tuple(POOLS).index(config.split))
    rng = np.random.default_rng(seed_for(config.seed, "collect", *place, shard, 3))
    shapes = draw_shapes(config.split, SHAPES_A_SHARD, rng)
    world = World(
        Physics(time_step=config.time_step)
    )  # of this shard, as it keeps every shape it has seen
    for episode in config.rows(shard):
        rng = np.random.default_rng(seed_for(config.seed, "collect", *place, episode, 1))
        set_scene(world, shapes, rng)
        state = np.concatenate((world.object_state(), world.tip())).astype(np.float32)
        yield (
            {
                "actions": np.zeros((0, 3), np.float32),
                "states": state[None],
                "lengths": np.int64(0),
                "endings": np.uint8(COMPLETE),
                "objects": np.int64(-1),
                "masses": np.float32(0),
                "frictions": np.float32(0),
            },
            picture(world, random_camera(rng), -1, places=MOST_OBJECTS),
        )
    world.close()


def push_at_random(
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


def _stack(rows: list[Row]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
