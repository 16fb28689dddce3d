"""Named training runs: a new experiment is a new entry here."""

from dataclasses import replace

from hyperdyn.errors import require_known
from hyperdyn.model import ModelConfig
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.tasks import cheetah_state_space

_PAPER = TrainConfig(
    env_id="hyperdyn/CheetahSlope-v0",
    kind="hyperdynamics",
    model=ModelConfig(state_space=cheetah_state_space(relative=False), action_dim=6),
)
"""The paper's model and budget: about six core-hours."""

_RELEASED = replace(
    _PAPER,
    iterations=500,
    stop_window=None,
    model=replace(_PAPER.model, code_dim=1, hyper_hidden=32, initialisation="normal"),
)
"""The sizes and budget of the code released with the paper."""

_REDUCED = replace(
    _PAPER,
    iterations=60,
    decay_iterations=20,
    rollouts=5,
    updates=1500,
    unroll=4,
    final_updates=8000,
    stop_window=None,
)
"""The paper's model in about half a core-hour: fewer rounds, episodes and optimiser steps."""

_SHORT = replace(_REDUCED, iterations=6, decay_iterations=3, final_updates=2000)
"""A few core-minutes, for comparisons over seeds."""


def preset(name: str) -> TrainConfig:
    """The run of that name.

    Raises:
        UnknownNameError: If there is none; lists the valid names.
    """
    require_known("preset", name, PRESETS)
    return PRESETS[name]


def _relative(config: TrainConfig) -> TrainConfig:
    """Networks see height and distance relative to the last state watched."""
    return replace(
        config, model=replace(config.model, state_space=cheetah_state_space(relative=True))
    )


PRESETS = {
    "cheetah-slope": _REDUCED,
    "cheetah-slope-direct": replace(_REDUCED, kind="direct"),
    "cheetah-slope-film": replace(_REDUCED, kind="film"),
    "cheetah-slope-short": _SHORT,
    "cheetah-slope-short-direct": replace(_SHORT, kind="direct"),
    "cheetah-slope-short-film": replace(_SHORT, kind="film"),
    "cheetah-slope-short-relative": _relative(_SHORT),
    "cheetah-slope-paper": _PAPER,
    "cheetah-slope-released": _RELEASED,
}
