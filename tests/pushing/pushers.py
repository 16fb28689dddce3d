"""Pushing models small enough for tests, and things to tell them."""

import torch

from hyperdyn.perception import CropSpec, DetectorConfig, VisualConfig, VisualEncoder, Volume
from hyperdyn.pushing import Interactions, PushingConfig, PushingGenerator, Seen, Truth

VISUAL = VisualConfig(
    volume=Volume(shape=(8, 32, 32), pitch=0.025),
    image_channels=(8, 16),
    image_features=4,
    map_widths=(16, 24),
    map_channels=2,
    detector=DetectorConfig(positive=0.6),
    crop=CropSpec(shape=(8, 16, 16)),
    shape_mixed=4,
    shape_widths=(4, 8, 8),
)
SIZES = {"pushes": 3, "dynamics_hidden": (8, 8), "experts": 3, "ring": 16}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def visual(seed=0):
    return VisualEncoder(VISUAL, generator=generator(seed)).eval()


def pusher(kind, seed=0, **sizes):
    config = PushingConfig(kind=kind, **{**SIZES, **sizes})
    model = PushingGenerator(config, visual(seed), generator=generator(seed))
    rng = generator(9)
    states, changes = torch.randn(50, 16, generator=rng), torch.randn(50, 16, generator=rng)
    model.normaliser.fit(states + 0.3, torch.randn(50, 3, generator=rng), 0.1 * changes)
    model.references.normal_(generator=rng)
    return model.eval()


def states_of(*shape, seed=1):
    """Random states with orientations that are yaws."""
    rng = generator(seed)
    states = torch.randn(*shape, 16, generator=rng)
    yaw = torch.rand(*shape, generator=rng) * 6 - 3
    states[..., 3:7] = torch.stack(
        [torch.zeros_like(yaw), torch.zeros_like(yaw), (yaw / 2).sin(), (yaw / 2).cos()], dim=-1
    )
    return states


def interactions(systems=2, pushes=3, seed=1):
    actions = torch.rand(systems, pushes, 3, generator=generator(seed)) * 2 - 1
    return Interactions(states_of(systems, pushes + 1, seed=seed), actions)


def seen(systems=2, seed=2):
    rng = generator(seed)
    features = torch.randn(systems, VISUAL.shape_mixed, 16, 16, generator=rng)
    return Seen(features, torch.rand(systems, generator=rng) * 6 - 3, torch.rand(systems, 6))


def truth(*objects):
    count = len(objects)
    return Truth(
        torch.tensor(objects), torch.linspace(300.0, 900.0, count), torch.full((count,), 1e-3)
    )


def dynamics_of(kind, exact=False, systems=2):
    told = truth(*range(systems)) if kind == "expert_ensemble" else None
    return pusher(kind).generate(interactions(systems), seen(systems), truth=told, exact=exact)
