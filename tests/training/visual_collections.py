"""Collections of pictures made without a simulator: ray-cast bodies, small sizes."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hyperdyn.perception import DetectorConfig, VisualConfig, Volume
from hyperdyn.training.pushing import CollectConfig, PushingEpisodes, PushingImages
from hyperdyn.training.pushing.dataset import DATASET_FILE, description
from hyperdyn.training.pushing.episodes import TENTHS, TOP_DOWN_EXTENT, TOP_DOWN_PIXELS
from hyperdyn.training.pushing.recording import write_shard
from hyperdyn.training.pushing.visual_configs import VisualTrainConfig
from tests.perception.scenes import camera, footprint, intrinsics, random_bodies, render

SMALL = VisualTrainConfig(
    encoder=VisualConfig(
        volume=Volume(shape=(6, 32, 32), pitch=0.025),
        image_channels=(8, 16),
        image_features=4,
        map_widths=(24, 32),
        detector=DetectorConfig(positive=0.6),
        shape_widths=(8, 16, 16),
        turns=2,
    ),
    frames=48,
    batch=4,
    held_out=1,
    report_every=4,
)
PIXELS = 64


def small(**changes: object) -> VisualTrainConfig:
    return replace(SMALL, **changes)


def collection(folder: Path, kind: str, *, shards: int = 3, rows: int = 8) -> Path:
    """A collection of `shards` × `rows` pictures."""
    config = CollectConfig(
        episodes=shards * rows, kind=kind, images=True, shard_episodes=rows, pushes=1
    )
    folder.mkdir(parents=True)
    (folder / DATASET_FILE).write_text(json.dumps(description(config)))
    rng = np.random.default_rng(len(kind))
    places = 1 if kind == "push" else 3
    for shard in range(shards):
        images = [_picture(rng, places) for _ in range(rows)]
        stacked = {name: torch.stack([image[name] for image in images]) for name in images[0]}
        write_shard(folder, shard, (_still(rows), PushingImages(**stacked)))
    return folder


def _picture(rng: np.random.Generator, places: int) -> dict[str, torch.Tensor]:
    bodies = random_bodies(rng, int(rng.integers(1, places + 1)))
    index = int(rng.integers(2))
    pose, matrix = camera(math.pi / 2 * index), intrinsics(PIXELS)
    rgb, depth, _ = render(bodies, pose, matrix, PIXELS)
    boxes = np.zeros((places, 6))
    top_down = np.zeros((places, TOP_DOWN_PIXELS, TOP_DOWN_PIXELS))
    for place, body in enumerate(bodies):
        centre, size = body.box()[:3], body.box()[3:]
        boxes[place] = [*(centre - size / 2), *(centre + size / 2)]
        top_down[place] = footprint(body, TOP_DOWN_PIXELS, TOP_DOWN_EXTENT) > 0.5
    values = {
        "rgb": (255 * rgb).astype(np.uint8),
        "depth_tenths": np.rint(depth / TENTHS).astype(np.uint16),
        "intrinsics": matrix.astype(np.float32),
        "poses": pose.astype(np.float32),
        "views": np.int64(index),
        "present": (np.arange(places) < len(bodies)).astype(np.uint8),
        "boxes": boxes.astype(np.float32),
        "top_down": top_down.astype(np.uint8),
    }
    return {name: torch.from_numpy(np.asarray(value)) for name, value in values.items()}


def _still(rows: int) -> PushingEpisodes:
    return PushingEpisodes(
        actions=torch.zeros(rows, 1, 3),
        states=torch.zeros(rows, 2, 16),
        lengths=torch.ones(rows, dtype=torch.int64),
        endings=torch.zeros(rows, dtype=torch.uint8),
        objects=torch.zeros(rows, dtype=torch.int64),
        masses=torch.ones(rows),
        frictions=torch.ones(rows),
    )
