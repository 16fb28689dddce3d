"""The libraries people plan with today, each in one file, given the same model and budget.

A peer's module has `build(problem, budget, make_model)`, which returns a `Peer`. It is
imported in the peers' own environment only. Settings that a library leaves open are set to what is
fastest there; what it computes beside the model is its own.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from torch import Tensor

from hyperdyn.benchmarks.problems import Problem
from hyperdyn.benchmarks.settings import Budget
from hyperdyn.benchmarks.timing import Call
from hyperdyn.benchmarks.torch_models import TorchModel

ModelMaker = Callable[[Problem], TorchModel]
"""Makes the model of a problem, or of one system of it, in plain torch."""


@dataclass(frozen=True, eq=False)
class Peer:
    """A library ready to plan."""

    planners: dict[str, Call]
    """Plans for every system, by the name of our planner of the same kind."""
    returns: Callable[[Tensor], Tensor]
    """Candidates [E, N, H, A] to returns [E, N] by what its planners call for them."""


class PeerModule(Protocol):
    """What a peer's file holds."""

    def build(self, problem: Problem, budget: Budget, make_model: ModelMaker) -> Peer:
        """Make its planners for a problem."""


def load(name: str) -> PeerModule:
    """Import a peer's module, and with it the library.

    Raises:
        ImportError: If the library, or something it needs, is not there.
    """
    module = importlib.import_module(f"hyperdyn.benchmarks.peers.{name.replace('-', '_')}")
    return cast(PeerModule, module)
