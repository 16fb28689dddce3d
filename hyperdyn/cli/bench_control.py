"""`hyperdyn bench control`: every planner on control problems with true dynamics."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperdyn.cli.benchmark import Benchmark, File, Names, require_matplotlib, say_written
from hyperdyn.cli.command import Job, require_positive
from hyperdyn.errors import require_known

if TYPE_CHECKING:
    from hyperdyn.benchmarks.control import Run


@dataclass(frozen=True, kw_only=True)
class BenchControl(Benchmark):
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
    picture: File = None
    """Where to draw the ways through the gap and the returns."""

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
        self.make_room(self.picture)
        if self.picture is not None:
            require_matplotlib("--picture")

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
        from hyperdyn.benchmarks.control_problems import PROBLEMS
        from hyperdyn.benchmarks.control_report import across, control_table, summarise
        from hyperdyn.benchmarks.machine import describe
        from hyperdyn.benchmarks.settings import Settings

        summary, together = summarise(runs), across(runs)
        problems = {
            name: {
                "solved_if": PROBLEMS[name].asks,
                "steps": PROBLEMS[name].steps,
                "horizon": PROBLEMS[name].horizon,
                "planners": of,
            }
            for name, of in summary.items()
        }
        found = {
            "problems": problems,
            "normalised": together,
            "settings": {
                "seeds": self.seeds,
                "evaluations": self.evaluations,
                "threads": self.threads,
            },
            "machine": describe(Settings(threads=self.threads)),
        }
        remarks = [f"{name}, solved: {PROBLEMS[name].asks}." for name in summary]
        self.publish(found, [control_table(summary, together)], remarks)
        if self.picture is not None:
            from hyperdyn.benchmarks.control_figure import draw_control

            draw_control(self.picture, runs, summary)
            say_written(self.picture)
