"""stable-worldmodel's solvers: CEM, iCEM, MPPI and predictive sampling, batched over systems.

Only the solvers are imported. The package's own `__init__` also loads its data formats (lance,
arrow, torchvision: a gigabyte), which play no part here.
"""

import contextlib
import importlib
import importlib.util
import io
import sys
import types
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
from torch import Tensor

from hyperdyn.benchmarks.peers import ModelMaker, Peer
from hyperdyn.benchmarks.problems import Problem
from hyperdyn.benchmarks.settings import Budget
from hyperdyn.benchmarks.torch_models import TorchModel

PACKAGE = "stable_worldmodel"
STD = 0.5


def _solvers() -> types.ModuleType:
    if PACKAGE not in sys.modules:
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {PACKAGE!r}")
        package = types.ModuleType(PACKAGE)
        package.__path__ = list(spec.submodule_search_locations or [])
        sys.modules[PACKAGE] = package
    return importlib.import_module(f"{PACKAGE}.solver")


SOLVERS = _solvers()


class Costs:
    """The model as its protocol `Costable` has it."""

    def __init__(self, model: TorchModel) -> None:
        self.model = model

    def get_cost(self, info_dict: dict[str, Tensor], action_candidates: Tensor) -> Tensor:
        """Cost of each candidate."""
        return -self.model.returns(action_candidates)


def build(problem: Problem, budget: Budget, make_model: ModelMaker) -> Peer:
    """Make its solvers, every plan starting from the one before."""
    model = Costs(make_model(problem))
    E, N, H, A = problem.candidates.shape
    common = {"model": model, "batch_size": E, "num_samples": N, "device": problem.device}
    fit = {
        "n_steps": budget.iterations,
        "topk": budget.elites(problem.workload),
        "var_scale": STD,
    }
    space = gymnasium.spaces.Box(-1.0, 1.0, shape=(E, A), dtype=np.float32)
    state = {"state": problem.states}

    def solving(solver: Any) -> Callable[[], None]:
        solver.configure(
            action_space=space,
            n_envs=E,
            config=SimpleNamespace(horizon=H, action_block=1),
        )
        previous: list[Tensor | None] = [None]

        def solve() -> None:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints after every plan
                previous[0] = solver.solve(state, init_action=previous[0])["actions"]

        return solve

    return Peer(
        {
            "random-shooting": solving(SOLVERS.PredictiveSamplingSolver(**common, noise_scale=STD)),
            "cem": solving(SOLVERS.CEMSolver(**common, **fit)),
            "icem": solving(SOLVERS.ICEMSolver(**common, **fit, noise_beta=1.0)),
            "mppi": solving(SOLVERS.MPPISolver(**common, **fit)),
        },
        lambda actions: -model.get_cost(state, actions),
    )
