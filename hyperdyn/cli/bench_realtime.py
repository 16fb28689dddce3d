"""`hyperdyn bench realtime`: do plans keep their deadline?"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hyperdyn.cli.benchmark import Benchmark
from hyperdyn.cli.command import Job, require_positive
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.benchmarks.realtime import Realtime


@dataclass(frozen=True, kw_only=True)
class BenchRealtime(Benchmark):
    """Share of the plans that keep a deadline, with and without other processes on the machine.

    Planners with the model of workload L500 add rounds until the next one would overrun.
    """

    deadline: float = 0.005
    """Seconds a plan may take."""
    plans: int = 1000
    """Plans of each planner under each load, each started from the one before."""
    planners: tuple[str, ...] = ("cem",)
    """cem, icem or mppi."""
    samples: tuple[int, ...] = (100, 500)
    """Candidates a round, each in turn."""
    loads: tuple[int, ...] = (0, 1, 2)
    """Processes that keep a core busy meanwhile, each in turn."""

    def prepare(self) -> Job:
        """Check names and numbers."""
        from hyperdyn.benchmarks.realtime import PLANNERS

        for name in self.planners:
            require_known("planner", name, PLANNERS)
        require_positive("--plans", self.plans)
        for count in self.samples:
            require_positive("--samples", count)
        if min(self.loads, default=0) < 0 or not self.deadline > 0:
            raise InputError(
                f"--loads are numbers of processes and --deadline is in seconds; got {self.loads} "
                f"and {self.deadline}."
            )
        self.make_room()

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.benchmarks.realtime import measure

            turns = len(self.planners) * len(self.samples) * len(self.loads)
            rows: list[Realtime] = []
            try:
                with tqdm(total=turns * self.plans, desc="realtime", leave=False) as bar:
                    for row in measure(
                        self.planners,
                        self.samples,
                        self.loads,
                        deadline=self.deadline,
                        plans=self.plans,
                        on_plan=bar.update,
                    ):
                        rows.append(row)  # kept if the next is interrupted
            finally:
                self._publish(rows)

        return job

    def _publish(self, rows: "list[Realtime]") -> None:
        """Print the table and write the files."""
        from hyperdyn.benchmarks.machine import describe
        from hyperdyn.benchmarks.realtime import realtime_json, realtime_table
        from hyperdyn.benchmarks.settings import Settings

        if not rows:
            return
        settings = {key: value for key, value in asdict(self).items() if key != "json"}
        found = {
            "realtime": realtime_json(rows),
            "settings": {**settings, "markdown": str(self.markdown)},
            "machine": describe(Settings()),
        }
        self.publish(found, [realtime_table(rows, self.deadline)])
