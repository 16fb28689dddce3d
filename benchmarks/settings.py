"""What a measuring process is told: which workloads, how long, with whom."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hyperdyn.benchmarks.workloads import Workload

PEER_MODELS = ("preallocated", "eager")
PEERS = ("pytorch-mppi", "torchrl", "mbrl", "stable-worldmodel")
TASKS = ("rollout", "random-shooting", "cem", "icem", "mppi")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every planner may spend on a plan."""

    iterations: int = 5
    """Rounds of candidates of CEM, iCEM and MPPI; random shooting has one."""
    elite_share: float = 0.1
    """Share of the candidates that CEM and iCEM are fitted to."""

    def elites(self, workload: Workload) -> int:
        """Number of elites, at least two."""
        return max(2, round(self.elite_share * workload.candidates))

    def rounds(self, planner: str) -> int:
        """Iterations of a planner or a rollout."""
        return 1 if planner in ("rollout", "random-shooting") else self.iterations


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A measurement, as the command hands it to the process that measures."""

    workloads: tuple[Workload, ...] = ()
    """What is measured."""
    peers: tuple[str, ...] = ()
    """Libraries measured beside us."""
    peer_model: str = "preallocated"
    """How the peers get the model: "preallocated", or "eager", as an ordinary module."""
    tasks: tuple[str, ...] = TASKS
    """What each library is measured at, where it can do that."""
    rounds: int = 9
    """Times each contestant has its turn."""
    slot: float = 0.02
    """Seconds of a turn."""
    threads: int = 1
    """Threads of every contestant."""
    device: str = "cpu"
    """Where models and candidates stand."""
    quick: bool = False
    """Whether the peak is looked for at one size only, for tests."""
    budget: Budget = Budget()
    """What a plan may cost."""

    def write(self, file: Path) -> None:
        """Write them as JSON."""
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> "Settings":
        """Read what `write` wrote."""
        found: dict[str, Any] = json.loads(file.read_text())
        found["budget"] = Budget(**found["budget"])
        found["workloads"] = tuple(
            Workload(**{**workload, "hidden": tuple(workload["hidden"])})
            for workload in found["workloads"]
        )
        names = {name: tuple(found[name]) for name in ("peers", "tasks")}
        return cls(**{**found, **names})
