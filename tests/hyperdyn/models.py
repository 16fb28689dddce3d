"""Small fitted generators for tests."""

from dataclasses import replace

import torch

from hyperdyn.generators import build_generator
from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator, ModelConfig
from hyperdyn.states import Field, StateSpace

SPACE = StateSpace((Field(name="position", size=2, relative=True), Field(name="velocity", size=2)))
CONFIG = ModelConfig(
    state_space=SPACE,
    action_dim=3,
    history_length=6,
    encoder_hidden=(16,),
    dynamics_hidden=(12, 10),
    initialisation="hyperfan-in",
)


def fitted(kind: str = "hyperdynamics", seed: int = 0, **changes: object) -> DynamicsGenerator:
    rng = torch.Generator().manual_seed(seed)
    model = build_generator(kind, replace(CONFIG, **changes), generator=rng)
    space = model.state_space
    model.normaliser.fit(
        torch.randn(200, space.dim, generator=rng) * 2 + 1,
        torch.rand(200, model.action_dim, generator=rng),
        torch.randn(200, space.dim, generator=rng) * 0.1,
    )
    return model


def history(systems: int = 3, seed: int = 1, length: int = 6) -> History:
    rng = torch.Generator().manual_seed(seed)
    return History(
        torch.randn(systems, length, 4, generator=rng),
        torch.rand(systems, length, 3, generator=rng),
    )
