"""`hyperdyn bench control`: every planner on control problems with true dynamics."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from hyperdyn.cli.command import Command, Job, make_room_for, require_positive
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.benchmarks.control import Run

File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
Names = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME [NAME ...]")]


@dataclass(frozen=True, kw_only=True)
class BenchControl(Command):
    """Returns of every planner on control problems with true dynamics, at equal evaluations.

    Swing up a pendulum, bring a point mass through a gap, run with the MuJoCo cheetah: the model
    planned with is the world acted in, and every planner rolls out as many sequences a plan.
    """

    planners: Names = ()
    """random-shooting, cem, icem or mppi; all of them unless named."""
    problems: Names = ()
    """pendulum, point-mass or cheetah; all of them unless named."""
    seeds: int = 5
    """Episodes of each planner on each problem; a seed is a start and the candidates drawn."""
    evaluations: int = 200
    """Sequences a plan may roll out, all rounds together."""
    threads: int = 1
    """Threads of the MuJoCo simulator; they change no figure but the time."""
    json: File = None
    """Where to write returns, intervals, the machine, the settings and this command."""
    markdown: File = None
    """Where to write the table as Markdown."""
    picture: File = None
    """Where to draw the ways through the gap and the returns."""

    @property
    def when_interrupted(self) -> str:
        """What was finished has been shown and written."""
        return "Stopped; episodes that were finished are above, and in the files asked for."

    def prepare(self) -> Job:
        """Check names, numbers and files."""
        from hyperdyn.benchmarks.control import PLANNERS, make_planner
        from hyperdyn.benchmarks.control_problems import PROBLEMS

        for name in self.planners:
            require_known("planner", name, PLANNERS)
        for name in self.problems:
            require_known("problem", name, PROBLEMS)
        for option, count in (("--seeds", self.seeds), ("--threads", self.threads)):
            require_positive(option, count)
        names = self.planners or PLANNERS
        problems = [PROBLEMS[name] for name in self.problems or PROBLEMS]
        for name in names:
            make_planner(name, problems[0], self.evaluations)
        for file in (self.json, self.markdown, self.picture):
            if file is not None:
                make_room_for(file)
        if self.picture is not None:
            _require_matplotlib()

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.benchmarks.control import measure

            steps = sum(problem.steps for problem in problems) * (len(names) + 1) * self.seeds
            runs: list[Run] = []
            try:
                with tqdm(total=steps, desc="control", unit="step", leave=False) as bar:
                    for run in measure(
                        problems,
                        names,
                        seeds=self.seeds,
                        budget=self.evaluations,
                        threads=self.threads,
                        on_step=bar.update,
                    ):
                        runs.append(run)
                        bar.set_postfix_str(
                            f"{run.problem} {run.planner} {run.total:.0f}", refresh=False
                        )
            finally:
                if runs:
                    self._publish(runs)

        return job

    def _publish(self, runs: "list[Run]") -> None:
        """Print the table and write the files."""
        from rich.console import Console

        from hyperdyn.benchmarks.control_problems import PROBLEMS
        from hyperdyn.benchmarks.control_report import across, control_table, summarise
        from hyperdyn.benchmarks.machine import describe
        from hyperdyn.benchmarks.settings import Settings

        summary, together = summarise(runs), across(runs)
        table = control_table(summary, together)
        console = Console(markup=False, highlight=False)
        if not console.is_terminal:
            console.width = max(console.width, 150)
        console.print(table.rich())
        for name in summary:
            print(f"{name}, solved: {PROBLEMS[name].asks}.")
        if self.json is not None:
            problems = {
                name: {
                    "solved_if": PROBLEMS[name].asks,
                    "steps": PROBLEMS[name].steps,
                    "horizon": PROBLEMS[name].horizon,
                    "planners": of,
                }
                for name, of in summary.items()
            }
            written = {
                "problems": problems,
                "normalised": together,
                "settings": {
                    "seeds": self.seeds,
                    "evaluations": self.evaluations,
                    "threads": self.threads,
                },
                "machine": describe(Settings(threads=self.threads)),
                "command": shlex.join(["hyperdyn", *sys.argv[1:]]),
            }
            self.json.write_text(json.dumps(written, indent=2) + "\n")
            print(f"Wrote {self.json}")
        if self.markdown is not None:
            self.markdown.write_text(table.markdown() + "\n")
            print(f"Wrote {self.markdown}")
        if self.picture is not None:
            from hyperdyn.benchmarks.control_figure import draw_control

            draw_control(self.picture, runs, summary)
            print(f"Wrote {self.picture}")


def _require_matplotlib() -> None:
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        raise InputError(
            "--picture needs matplotlib; get it with pip install 'hyperdyn-toolkit[view]'."
        )
