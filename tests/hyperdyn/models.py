"""Small fitted generators for tests."""

from dataclasses import fields, replace

import torch

from hyperdyn.generators import GENERATORS, build_generator
from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator, ModelConfig
from hyperdyn.networks import batched_mlp
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
PLACES = ((0.0, 0.0), (1.0, -1.0), (2.0, 0.5))
"""What the experts of small ensembles are for."""


def config_for(kind: str, config: ModelConfig) -> ModelConfig:
    """The same sizes in the class that a kind wants."""
    wanted = GENERATORS[kind].config_type
    shared = {field.name: getattr(config, field.name) for field in fields(ModelConfig)}
    return wanted(**shared, **({"experts": PLACES} if GENERATORS[kind].oracle else {}))


def truth_for(kind: str, systems: int = 3, expert: int = 0) -> torch.Tensor | None:
    """What an oracle is told: every system is near one expert's."""
    if not GENERATORS[kind].oracle:
        return None
    return (torch.tensor(PLACES[expert]) + 0.1).expand(systems, -1)


def fitted(kind: str = "hyperdynamics", seed: int = 0, **changes: object) -> DynamicsGenerator:
    rng = torch.Generator().manual_seed(seed)
    model = build_generator(kind, config_for(kind, replace(CONFIG, **changes)), generator=rng)
    space = model.state_space
    model.normaliser.fit(
        torch.randn(200, space.dim, generator=rng) * 2 + 1,
        torch.rand(200, model.action_dim, generator=rng),
        torch.randn(200, space.dim, generator=rng) * 0.1,
    )
    return model


def outputs_of(
    model: DynamicsGenerator, networks: torch.Tensor, inputs: torch.Tensor
) -> torch.Tensor:
    """What the networks of each member (most generators have one) give, [M, E, N, S]."""
    spec = model.config.network
    rows = networks.split(spec.num_parameters, dim=1)
    return torch.stack([batched_mlp(spec, row, inputs) for row in rows])


def history(systems: int = 3, seed: int = 1, length: int = 6) -> History:
    rng = torch.Generator().manual_seed(seed)
    return History(
        torch.randn(systems, length, 4, generator=rng),
        torch.rand(systems, length, 3, generator=rng),
    )
