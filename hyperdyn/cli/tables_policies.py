"""`hyperdyn tables policies`: generated policies on specifications they were not trained on."""

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tyro

from hyperdyn.cli.benchmark import require_matplotlib
from hyperdyn.cli.command import Command, Job, make_room_for, require_positive, require_sources
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.training.policies.proposals import ProposalStudy
    from hyperdyn.training.policies.tables import PolicyStudy

RETURNS = "1"
PROPOSALS = "proposals"
KNOWN_TABLES = (RETURNS, "4", PROPOSALS)


@dataclass(frozen=True, kw_only=True)
class TablesPolicies(Command):
    """Make the tables of generated policies; Ctrl-C at any time, the same command goes on.

    Tables 1 (return on test specifications, and its share of the expert's) and 4 (error of actions
    after each of HyPoGen's updates) of HyPoGen, with what is trained; and proposals (return of
    planning with and without a policy's proposals, over numbers of candidates: short episodes of
    some specifications, unless asked for more). Cells are kept in FILE.cells as they are done.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    json: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """Where to write the tables; a page of the same name, .md, is written beside it."""
    runs: Annotated[Path | None, tyro.conf.arg(metavar="STUDY")] = None
    """A folder that `hyperdyn train policy` wrote; the packaged runs unless given."""
    demonstrations: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FOLDER")] = ()
    """What they were trained on; of packaged runs the packaged part of it."""
    tables: Annotated[tuple[str, ...], tyro.conf.arg(metavar="N")] = KNOWN_TABLES
    """Which tables: 1, 4, proposals."""
    episodes: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """Episodes of each test specification."""
    dynamics: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RUN")] = ()
    """Run folders of `hyperdyn train dynamics`, one a task, for proposals (with packaged runs the
    packaged ones unless given); over true dynamics they are measured in any case."""
    planner: Annotated[str, tyro.conf.arg(metavar="NAME")] = "icem"
    """What plans, for proposals: icem, cem, mppi, random-shooting; or icem-cold, cem-cold,
    mppi-cold, where no plan begins about the one before."""
    candidates: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = (8, 16, 32, 64)
    """Sequences a plan rolls out, for proposals."""
    horizon: Annotated[int, tyro.conf.arg(metavar="H")] = 20
    """Steps planned ahead, for proposals."""
    share: Annotated[float, tyro.conf.arg(metavar="X")] = 0.25
    """Share of the first round's candidates that the policy proposes."""
    noise: Annotated[float, tyro.conf.arg(metavar="X")] = 0.1
    """Deviation of the noise about the policy, in half ranges of the action."""
    specifications: Annotated[int | Literal["all"], tyro.conf.arg(metavar="N")] = 4
    """Test specifications for proposals, at most, evenly spaced; or all."""
    steps: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """Of an episode, for proposals; fewer than 1000 is a reduced setting."""
    figures: tyro.conf.FlagCreatePairsOff[bool] = False
    """Draw FILE-returns.png (table 1) and FILE-proposals.png, of what is asked for; needs
    matplotlib."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes."""
    seed: int = 0
    """Of how episodes begin."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        for option in ("episodes", "workers"):
            require_positive(f"--{option}", getattr(self, option))
        if not self.tables or self.seed < 0:
            raise InputError(
                f"--tables takes some of {', '.join(KNOWN_TABLES)}, and --seed is not negative; "
                f"got {self.tables} and {self.seed}."
            )
        for name in self.tables:
            require_known("table", name, KNOWN_TABLES)
        if self.figures:
            require_matplotlib("--figures")
            if not {RETURNS, PROPOSALS} & set(self.tables):
                raise InputError(
                    f"--figures draws {RETURNS} and {PROPOSALS}; name one among the --tables."
                )
        study = self._study()
        proposals = self._proposals(study) if PROPOSALS in self.tables else None
        make_room_for(self.json)
        cells = [*study.cells(self.tables), *([] if proposals is None else proposals.cells())]

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.training.cells import work_out
            from hyperdyn.training.pages import show, write
            from hyperdyn.training.policies.page import page

            with tqdm(total=len(cells), desc="cells", unit="cell") as bar:
                for _ in work_out(cells, study.kept, workers=self.workers):
                    bar.update()
            found = study.tables(self.tables)
            setting = self._setting(study)
            if proposals is not None:
                found[PROPOSALS] = proposals.table()
                setting[PROPOSALS] = proposals.setting_as_json()
            found["setting"] = setting
            write(found, page(found), self.json)
            show(self.json)
            if self.figures:
                self._draw(study, found)

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        return "Stopped; finished cells are kept. The same command goes on."

    def _study(self) -> "PolicyStudy":
        from hyperdyn import assets
        from hyperdyn.training.policies.tables import PolicyStudy, read_runs

        require_sources(self.runs, "--demonstrations", self.demonstrations)
        return PolicyStudy(
            read_runs(self.runs or assets.policies()),
            self.demonstrations or assets.policy_references(),
            self.json.with_suffix(".cells"),
            episodes=self.episodes,
            seed=self.seed,
        )

    def _proposals(self, study: "PolicyStudy") -> "ProposalStudy":
        from hyperdyn import assets
        from hyperdyn.training.policies.planned import PlanSetting
        from hyperdyn.training.policies.proposals import ProposalStudy

        setting = PlanSetting(
            planner=self.planner,
            candidates=self.candidates,
            horizon=self.horizon,
            share=self.share,
            std=self.noise,
            specifications=None if self.specifications == "all" else self.specifications,
            steps=self.steps,
        )
        packaged = assets.policy_dynamics() if self.runs is None else ()
        return ProposalStudy(study, setting, self.dynamics or packaged)

    def _draw(self, study: "PolicyStudy", found: dict[str, Any]) -> None:
        from hyperdyn.training.policies.proposals_figure import draw_proposals
        from hyperdyn.training.policies.returns_figure import draw_returns

        if RETURNS in self.tables:
            file = self.json.with_name(f"{self.json.stem}-returns.png")
            draw_returns(study.curves(), file)
            print(f"Wrote {file}")
        if PROPOSALS in self.tables:
            file = self.json.with_name(f"{self.json.stem}-{PROPOSALS}.png")
            draw_proposals(found[PROPOSALS], file)
            print(f"Wrote {file}")

    def _setting(self, study: "PolicyStudy") -> dict[str, Any]:
        return {
            "budget": {run.task: run.budget for run in study.runs},
            "steps": {run.task: run.steps for run in study.runs},
            "samples_a_step": {run.task: run.samples for run in study.runs},
            "learning_rates": {
                f"{run.task}, {run.folder.name}": run.learning_rate for run in study.runs
            },
            "episodes_per_specification": self.episodes,
            "seed": self.seed,
            "command": shlex.join(["hyperdyn", *sys.argv[1:]]),
        }
