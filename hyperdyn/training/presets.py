"""Named training runs: a new experiment is a new entry here."""

from dataclasses import replace

from hyperdyn.errors import require_known
from hyperdyn.model import ModelConfig
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.tasks import cheetah_state_space

_CHEETAH = ModelConfig(state_space=cheetah_state_space(), action_dim=6)

_PAPER = TrainConfig(
    env_id="hyperdyn/CheetahSlope-v0",
    kind="hyperdynamics",
    model=replace(_CHEETAH, state_space=cheetah_state_space(relative=False)),
)
_RELEASED = replace(
    _PAPER,
    iterations=500,
    stop_window=None,
    model=replace(_PAPER.model, code_dim=1, hyper_hidden=32, initialisation="normal"),
)
_DEFAULT = replace(
    _PAPER,
    model=_CHEETAH,
    iterations=100,
    rollouts=5,
    epochs=5,
    stop_window=None,
)


def preset(name: str) -> TrainConfig:
    """The run of that name.

    Raises:
        UnknownNameError: If there is none; lists the valid names.
    """
    require_known("preset", name, PRESETS)
    return PRESETS[name]


PRESETS = {
    "cheetah-slope": _DEFAULT,
    "cheetah-slope-paper": _PAPER,
    "cheetah-slope-released": _RELEASED,
}
