"""`hyperdyn bench`: how fast planning, generation and training are, measured here and now."""

import abc
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.bench_control import BenchControl
from hyperdyn.cli.bench_experts import BenchExperts
from hyperdyn.cli.bench_realtime import BenchRealtime
from hyperdyn.cli.benchmark import Benchmark, File, Names, require_matplotlib, say_written
from hyperdyn.cli.command import Command, Job, make_room_for, require_positive
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.benchmarks.session import Session
    from hyperdyn.benchmarks.settings import Settings

ENVIRONMENT = Path("build/peers")


@dataclass(frozen=True, kw_only=True)
class Measurement(Benchmark, abc.ABC):
    """What all benchmarks take that time contestants by turns."""

    raw: File = None
    """Where to keep what pytest-benchmark itself writes."""
    threads: int = 1
    """Threads of everything that is measured, the matrix product included."""
    rounds: int = 9
    """Times each contestant has its turn; figures are medians over rounds, with quartiles."""

    def check(self) -> None:
        """Refuse numbers and files that cannot be.

        Raises:
            InputError: Saying which.
        """
        from hyperdyn.benchmarks.session import require_pytest_benchmark

        require_positive("--threads", self.threads)
        require_positive("--rounds", self.rounds)
        require_pytest_benchmark()
        self.make_room(self.raw)


@dataclass(frozen=True, kw_only=True)
class BenchPlanners(Measurement):
    """Plans per second of every planner, beside the matrix product and other libraries.

    The same models, candidates and objective for all, by turns in one process: in every round each
    contestant is timed next to the fastest float32 matrix product of torch or numpy ("the peak").
    """

    workloads: Names = ()
    """L500, L4096, P30, P512, E16-L500, E16-P512 or E16-P30; all of them unless named."""
    peers: tyro.conf.FlagCreatePairsOff[bool] = False
    """Measure pytorch-mppi, torchrl, mbrl, stable-worldmodel and torch.compile too."""
    peer_model: Annotated[str, tyro.conf.arg(metavar="HOW")] = "preallocated"
    """How the peers get the model, preallocated or eager: the fastest, or an ordinary module."""
    environment: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = ENVIRONMENT
    """Environment of the peers, made the first time: minutes, and about 1.5 GB."""
    plot: File = None
    """Where to draw how speed grows with candidates, horizon, systems and threads."""
    device: str = "cpu"
    """Where models stand: cpu or cuda."""

    def prepare(self) -> Job:
        """Check names, numbers and files."""
        from hyperdyn.benchmarks.session import Session
        from hyperdyn.benchmarks.settings import PEER_MODELS, PEERS, Settings
        from hyperdyn.benchmarks.workloads import workloads

        self.check()
        require_known("device", self.device, ("cpu", "cuda"))
        require_known("peer model", self.peer_model, PEER_MODELS)
        settings = Settings(
            workloads=tuple(workloads(self.workloads)),
            peers=PEERS if self.peers else (),
            peer_model=self.peer_model,
            rounds=self.rounds,
            threads=self.threads,
            device=self.device,
        )
        if self.plot is not None:
            require_matplotlib("--plot")
            make_room_for(self.plot)

        def job() -> None:
            from hyperdyn.benchmarks.environment import ensure_environment
            from hyperdyn.benchmarks.scaling import measure_scaling

            python = ensure_environment(self.environment, _say) if self.peers else None
            session = Session(python, self.raw)
            scaling: dict[str, dict[str, Any]] = {}
            try:
                session.run("bench_planners", settings)
                if self.plot is not None:
                    measure_scaling(python, settings, scaling)
            finally:
                self._finish(session, settings, scaling)

        return job

    def _finish(
        self, session: "Session", settings: "Settings", scaling: dict[str, dict[str, Any]]
    ) -> None:
        """Show and write what there is."""
        from hyperdyn.benchmarks.report import planner_tables

        names = [workload.name for workload in settings.workloads]
        done = {name: session.results[name] for name in names if name in session.results}
        found = {
            "workloads": done,
            "machine": _machine(session),
            **({"scaling": scaling} if scaling else {}),
            "settings": asdict(settings),
        }
        try:
            if done:
                self.publish(found, planner_tables(done))
                say_written(self.raw)
        finally:
            if self.plot is not None and scaling:
                from hyperdyn.benchmarks.scaling import draw_scaling

                draw_scaling(self.plot, scaling)
        if scaling:
            say_written(self.plot)


@dataclass(frozen=True, kw_only=True)
class BenchGeneration(Measurement):
    """From a watched history to weights, and what fresh weights cost the first plan.

    The pretrained generator's sizes, for 1, 16 and 256 systems at once.
    """

    def prepare(self) -> Job:
        """Check numbers and files."""
        return _simple(self, "generation")


@dataclass(frozen=True, kw_only=True)
class BenchTraining(Measurement):
    """A training step, against weights generated for every target, and collecting episodes.

    Loss, gradients and Adam on 128 targets each, as contexts x targets, with the pretrained
    generator's sizes. Simulation and planning at the paper's setting, against the same loop with
    the plain torch rollout and one system at a time.
    """

    def prepare(self) -> Job:
        """Check numbers and files."""
        return _simple(self, "training", "collection")


@dataclass(frozen=True, kw_only=True)
class BenchPerception(Measurement):
    """From an RGB-D frame to boxes, crops and shape codes, and a training step.

    One 128 x 128 frame, with the visual encoder's default sizes.
    """

    def prepare(self) -> Job:
        """Check numbers and files."""
        return _simple(self, "perception")


@dataclass(frozen=True, kw_only=True)
class BenchPushing(Measurement):
    """A replan among obstacles: 30 x 10 pushes, the model made anew at each.

    30, 100 and 500 candidates for one object, beside plain torch and the exact path.
    """

    def prepare(self) -> Job:
        """Check numbers and files."""
        return _simple(self, "pushing")


@dataclass(frozen=True, kw_only=True)
class Bench(Command):
    """Measure planners (beside other libraries if asked), generation, training and more.

    A planner is measured by its speed, by what it achieves with true dynamics, and by whether it
    keeps a deadline.
    """

    commands: ClassVar[dict[str, type[Command]]] = {
        "planners": BenchPlanners,
        "generation": BenchGeneration,
        "training": BenchTraining,
        "perception": BenchPerception,
        "pushing": BenchPushing,
        "control": BenchControl,
        "experts": BenchExperts,
        "realtime": BenchRealtime,
    }
    """What can be measured; a new benchmark is a new entry here."""

    def prepare(self) -> Job:
        """Never asked for by itself.

        Raises:
            InputError: Always.
        """
        raise InputError(f"Say what to measure: hyperdyn bench {' | '.join(self.commands)}.")


def _simple(command: Measurement, *names: str) -> Job:
    """The job of benchmarks whose results are lists of rows."""
    from hyperdyn.benchmarks.session import Session
    from hyperdyn.benchmarks.settings import Settings

    command.check()
    settings = Settings(rounds=command.rounds, threads=command.threads)

    def job() -> None:
        from hyperdyn.benchmarks.report import TABLES

        session = Session(raw=command.raw)
        try:
            for name in names:
                session.run(f"bench_{name}", settings)
        finally:
            done = {name: session.results[name] for name in names if name in session.results}
            about = {"machine": _machine(session), "settings": asdict(settings)}
            if done:
                tables = [TABLES[name](result["rows"]) for name, result in done.items()]
                command.publish({**done, **about}, tables)
        say_written(command.raw)

    return job


def _machine(session: "Session") -> Mapping[str, Any]:
    machine = session.results.get("machine", {})
    return {**machine, "peak": session.results.get("peak")}


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
