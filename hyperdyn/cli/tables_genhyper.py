"""`hyperdyn tables genhyper`: sampled policies in tasks that are new to them."""

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.benchmark import require_matplotlib
from hyperdyn.cli.command import Command, Job, make_room_for, require_positive, require_sources
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.training.transfer.tables import TransferStudy

KNOWN_TABLES = ("zero_shot", "fine_tuning", "diversity", "proposals")


@dataclass(frozen=True, kw_only=True)
class TablesGenhyper(Command):
    """Make the tables of sampled policies; Ctrl-C at any time, the same command goes on.

    zero_shot (returns in the test tasks by training tasks and by sampler, beside our experts and
    the paper's table I), fine_tuning (steps from generated actors and from scratch), diversity
    (spread of the samples) and proposals (planners that samples help). What is trained is what
    appears. Cells are kept in FILE.cells as they are done.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    json: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """Where to write the tables; a page of the same name, .md, is written beside it."""
    runs: Annotated[Path | None, tyro.conf.arg(metavar="STUDY")] = None
    """Folder that holds run folders of `hyperdyn train genhyper` and `genhyper-tuning`; the
    packaged runs unless given."""
    policies: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FOLDER")] = ()
    """The experts, one folder of `hyperdyn collect policies` a family; of packaged runs the
    packaged part of them."""
    tables: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = KNOWN_TABLES
    """Which tables."""
    count: Annotated[int, tyro.conf.arg(metavar="L")] = 8
    """Policies drawn for each test task."""
    episodes: Annotated[int, tyro.conf.arg(metavar="N")] = 5
    """Episodes of each policy."""
    selecting: Annotated[int, tyro.conf.arg(metavar="N")] = 5
    """Further episodes of each policy, to choose one by; its return is that of the others."""
    planners: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = ("cem", "icem", "mppi")
    """Planners that are helped."""
    samples: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    """Candidates of a plan, all rounds together."""
    horizon: Annotated[int, tyro.conf.arg(metavar="H")] = 10
    """Steps planned ahead."""
    share: Annotated[float, tyro.conf.arg(metavar="X")] = 0.5
    """Of the policies together in the first round of a plan."""
    planned: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Episodes of each test task that are planned."""
    figures: tyro.conf.FlagCreatePairsOff[bool] = False
    """Draw FILE-tuning.png, the curves of fine-tuning; needs matplotlib."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes."""
    seed: int = 0
    """Of samples and episodes."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        for option in ("count", "episodes", "selecting", "planned", "workers"):
            require_positive(f"--{option}", getattr(self, option))
        if not self.tables or self.seed < 0:
            raise InputError(
                f"--tables takes some of {', '.join(KNOWN_TABLES)}, and --seed is not negative; "
                f"got {self.tables} and {self.seed}."
            )
        for name in self.tables:
            require_known("table", name, KNOWN_TABLES)
        if self.count < 2 and {"diversity", "proposals"} & set(self.tables):
            raise InputError("Diversity and proposals need --count 2 or more.")
        if self.figures:
            require_matplotlib("--figures")
        require_sources(self.runs, "--policies", self.policies)
        study = self._study()
        make_room_for(self.json)
        cells = study.cells(self.tables)

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.training.cells import work_out
            from hyperdyn.training.pages import show, write
            from hyperdyn.training.transfer.figures import draw_tuning
            from hyperdyn.training.transfer.page import page

            with tqdm(total=len(cells), desc="cells", unit="cell") as bar:
                for _ in work_out(cells, study.kept, workers=self.workers):
                    bar.update()
            found = {**study.tables(self.tables), "setting": self._setting()}
            write(found, page(found), self.json)
            show(self.json)
            file = self.json.with_name(f"{self.json.stem}-tuning.png")
            if self.figures and draw_tuning(study, file):
                print(f"Wrote {file}")

        return job

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        return "Stopped; finished cells are kept. The same command goes on."

    def _study(self) -> "TransferStudy":
        import torch

        from hyperdyn import assets
        from hyperdyn.planners import PolicyProposal, Share
        from hyperdyn.planners.budget import PLANNERS, planner_of
        from hyperdyn.training.transfer.tables import TransferStudy

        if "proposals" in self.tables:
            if not self.planners:
                raise InputError(f"--planners takes some of {', '.join(PLANNERS)}; got none.")
            Share("policies together", PolicyProposal(torch.tanh), self.share)
            for name in self.planners:
                first = planner_of(name, self.samples, self.horizon).population(0)
                if self.share * first < self.count:
                    raise InputError(
                        f"{name} has {first} candidates in its first round, of which --share is "
                        f"less than one for each of --count {self.count}; raise --samples."
                    )
        return TransferStudy(
            folder=self.runs or assets.genhyper(),
            experts=self.policies or assets.genhyper_references(),
            kept=self.json.with_suffix(".cells"),
            count=self.count,
            episodes=self.episodes,
            selecting=self.selecting,
            samples=self.samples,
            horizon=self.horizon,
            share=self.share,
            planned=self.planned,
            planners=self.planners,
            seed=self.seed,
        )

    def _setting(self) -> dict[str, Any]:
        return {
            "samples_of_a_task": self.count,
            "episodes": self.episodes,
            "selecting_episodes": self.selecting,
            "planned_episodes": self.planned,
            "candidates_of_a_plan": self.samples,
            "horizon": self.horizon,
            "share_of_policies": self.share,
            "seed": self.seed,
            "command": shlex.join(["hyperdyn", *sys.argv[1:]]),
        }
