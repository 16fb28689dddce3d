"""Pushing data without a simulator: what a push moves an object by is a hidden gain."""

import torch

from hyperdyn.training.pushing.crops import Crops
from hyperdyn.training.pushing.episodes import PushingEpisodes
from hyperdyn.training.pushing.push_data import PushData
from tests.pushing.pushers import VISUAL, generator

PUSHES = 3


def push_data(systems=40, seed=0):
    """Two episodes a system; an object moves by its gain times the push, and does not turn."""
    rng = generator(seed)
    count = 2 * systems
    heavy = torch.rand(systems, generator=rng) < 0.5
    gains = torch.where(heavy, 0.2, 1.0).repeat_interleave(2)
    actions = torch.rand(count, PUSHES, 3, generator=rng) * 2 - 1
    states = 0.1 * torch.randn(count, 1, 16, generator=rng).repeat(1, PUSHES + 1, 1)
    states[..., 3:6], states[..., 6] = 0.0, 1.0
    moved = 0.06 * gains[:, None, None] * actions
    states[:, 1:, :3] = states[:, :1, :3] + moved.cumsum(1)
    episodes = PushingEpisodes(
        actions=actions,
        states=states,
        lengths=torch.full((count,), PUSHES),
        endings=torch.zeros(count, dtype=torch.uint8),
        objects=torch.arange(systems).repeat_interleave(2) % 3,
        masses=300 + 700 * gains,
        frictions=torch.full((count,), 1e-3),
    )
    return PushData(episodes, crops(count))


def crops(count):
    """Objects that look alike, and views that show a square."""
    rng = generator(0)
    z, y, x = VISUAL.crop.shape
    found = torch.randn(1, VISUAL.map_channels, z, y, x, generator=rng).repeat(count, 1, 1, 1, 1)
    views = torch.zeros(count, VISUAL.view_size, VISUAL.view_size, dtype=torch.uint8)
    views[:, 8:24, 8:24] = 255
    return Crops(
        crops=found.to(torch.float16),
        boxes=torch.rand(count, 6, generator=rng),
        found=torch.ones(count, dtype=torch.uint8),
        top_down=views,
    )
