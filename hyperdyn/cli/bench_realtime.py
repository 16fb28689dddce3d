"""`hyperdyn bench realtime`: do plans keep their deadline?"""

import json
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from hyperdyn.cli.command import Command, Job, make_room_for, require_positive
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.benchmarks.realtime import Realtime

File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]


@dataclass(frozen=True, kw_only=True)
class BenchRealtime(Command):
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
    json: File = None
    """Where to write the figures, the machine, the settings and this command."""
    markdown: File = None
    """Where to write the table as Markdown."""

    @property
    def when_interrupted(self) -> str:
        """What was finished has been shown and written."""
        return "Stopped; what was finished is above, and in the files asked for."

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
        for file in (self.json, self.markdown):
            if file is not None:
                make_room_for(file)

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
        from rich.console import Console

        from hyperdyn.benchmarks.machine import describe
        from hyperdyn.benchmarks.realtime import realtime_json, realtime_table
        from hyperdyn.benchmarks.settings import Settings

        if not rows:
            return
        table = realtime_table(rows, self.deadline)
        console = Console(markup=False, highlight=False)
        if not console.is_terminal:
            console.width = max(console.width, 150)
        console.print(table.rich())
        if self.json is not None:
            settings = {key: value for key, value in asdict(self).items() if key != "json"}
            written = {
                "realtime": realtime_json(rows),
                "settings": {**settings, "markdown": str(self.markdown)},
                "machine": describe(Settings()),
                "command": shlex.join(["hyperdyn", *sys.argv[1:]]),
            }
            self.json.write_text(json.dumps(written, indent=2) + "\n")
            print(f"Wrote {self.json}")
        if self.markdown is not None:
            self.markdown.write_text(table.markdown() + "\n")
            print(f"Wrote {self.markdown}")
