"""Training runs small enough for tests."""

from dataclasses import replace

from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.presets import preset, run_for

TINY = replace(
    preset("cheetah-slope"),
    iterations=3,
    rollouts=3,
    groups=1,
    steps=60,
    samples=8,
    horizon=3,
    epochs=2,
    final_updates=12,
    final_targets=4,
    final_unroll=2,
    contexts=4,
    model=replace(
        preset("cheetah-slope").model, encoder_hidden=(16,), dynamics_hidden=(16,), hyper_hidden=4
    ),
)


def tiny(**changes: object) -> TrainConfig:
    return replace(TINY, **changes)


def tiny_of(kind: str, env_id: str = "hyperdyn/CheetahSlope-v0", **changes: object) -> TrainConfig:
    """A tiny run of any kind on any task."""
    run = run_for(env_id, kind, tiny(**changes))
    small = {"encoder_hidden": (16,), "dynamics_hidden": (16,), "hyper_hidden": 4}
    return replace(run, model=replace(run.model, **small))
