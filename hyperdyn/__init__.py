"""hyperdyn: watch a system for a moment, get a dynamics model made for it, plan with it."""

import importlib as _importlib
import pathlib as _pathlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# In a source checkout the sub-packages stand at the top level; an installed wheel has them inside.
_here = _pathlib.Path(__file__).resolve().parent
if (_here.parent / "pyproject.toml").is_file():
    __path__[:0] = [str(_here.parent), str(_here)]

if TYPE_CHECKING:
    from hyperdyn.baselines import Direct as Direct
    from hyperdyn.baselines import FiLM as FiLM
    from hyperdyn.dynamics import Dynamics as Dynamics
    from hyperdyn.dynamics import GeneratedDynamics as GeneratedDynamics
    from hyperdyn.generators import load_generator as load_generator
    from hyperdyn.history import History as History
    from hyperdyn.history import HistoryBuffer as HistoryBuffer
    from hyperdyn.model import HyperDynamics as HyperDynamics
    from hyperdyn.model import ModelConfig as ModelConfig
    from hyperdyn.states import Field as Field
    from hyperdyn.states import StateSpace as StateSpace

# Loaded when first used, so that the command line answers without waiting for torch.
_HOMES = {
    "Direct": "baselines",
    "FiLM": "baselines",
    "Dynamics": "dynamics",
    "GeneratedDynamics": "dynamics",
    "load_generator": "generators",
    "History": "history",
    "HistoryBuffer": "history",
    "HyperDynamics": "model",
    "ModelConfig": "model",
    "Field": "states",
    "StateSpace": "states",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'hyperdyn' has no attribute {name!r}")
    return getattr(_importlib.import_module(f"hyperdyn.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
