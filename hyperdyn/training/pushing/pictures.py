"""Pictures with their labels: of an episode's beginning, or of a scene put there to be seen."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from hyperdyn.assets.objects import PushObject, load_object, varied_object
from hyperdyn.envs.pushing import Camera
from hyperdyn.envs.pushing.base import FRICTIONS, MASSES, POOLS, draw_colour
from hyperdyn.envs.pushing.cameras import take
from hyperdyn.envs.pushing.layout import draw_rod
from hyperdyn.envs.pushing.world import Placement, World
from hyperdyn.perception import yaw_of
from hyperdyn.training.pushing.episodes import TENTHS, TOP_DOWN_EXTENT, TOP_DOWN_PIXELS

MOST_OBJECTS = 3
"""In a scene put there to be seen: as many as on a table with two obstacles."""

_LIMIT = 0.25  # of their centres from the table's, in x and in y, m
_ROOM = 0.01  # between two objects, m
_TRIES = 200


def picture(world: World, camera: Camera, index: int, places: int) -> dict[str, Any]:
    """One row of `PushingImages`.

    Args:
        world: What is seen.
        camera: From where.
        index: Which of the nine cameras it is, or −1.
        places: O, for objects.
    """
    view = take(world, camera)
    count = len(world.bodies)
    boxes = np.zeros((places, 6), np.float32)
    boxes[:count] = view.boxes
    top_down = np.zeros((places, TOP_DOWN_PIXELS, TOP_DOWN_PIXELS), np.uint8)
    for place, shape in enumerate(world.shapes):
        yaw = float(yaw_of(torch.from_numpy(world.object_state(place)[3:7])))
        top_down[place] = shape.footprint(TOP_DOWN_PIXELS, TOP_DOWN_EXTENT, yaw=yaw)
    return {
        "rgb": view.rgb,
        "depth_tenths": np.rint(view.depth / TENTHS).astype(np.uint16),
        "intrinsics": view.intrinsics.astype(np.float32),
        "poses": view.pose.astype(np.float32),
        "views": np.int64(index),
        "present": (np.arange(places) < count).astype(np.uint8),
        "boxes": boxes,
        "top_down": top_down,
    }


def draw_shapes(split: str, count: int, rng: np.random.Generator) -> list[PushObject]:
    """Shapes to be seen: varied ones for training; those of the test split as they are."""
    if split == "seen":
        return [varied_object(rng) for _ in range(count)]
    return [load_object(name) for name in POOLS[split]]


def set_scene(world: World, shapes: Sequence[PushObject], rng: np.random.Generator) -> None:
    """Put one to three objects and the rod on the table, none in another's way."""
    chosen: list[PushObject] = []
    centres: list[np.ndarray] = []
    for index in rng.permutation(len(shapes))[: rng.integers(1, MOST_OBJECTS + 1)]:
        for _ in range(_TRIES):
            centre = rng.uniform(-_LIMIT, _LIMIT, 2)
            room = [shapes[index].radius + other.radius + _ROOM for other in chosen]
            if all(math.dist(centre, c) > r for c, r in zip(centres, room, strict=True)):
                chosen.append(shapes[index])
                centres.append(centre)
                break
    world.arrange(
        [
            Placement(
                shape=shape,
                mass=float(np.mean(MASSES)),
                friction=float(np.mean(FRICTIONS)),
                position=(float(centre[0]), float(centre[1])),
                yaw=rng.uniform(-math.pi, math.pi),
                colour=draw_colour(rng),
            )
            for shape, centre in zip(chosen, centres, strict=True)
        ]
    )
    world.place_rod(draw_rod(centres[0], rng))


def random_camera(rng: np.random.Generator) -> Camera:
    """Anywhere in front of the robot, 0.8 to 1.2 m away, 40 to 80 degrees above the table."""
    return Camera(
        azimuth=rng.uniform(-math.pi / 2, math.pi / 2),
        elevation=math.radians(rng.uniform(40.0, 80.0)),
        distance=rng.uniform(0.8, 1.2),
    )
