"""`hyperdyn demo policies`: gaits along a slider, and a planner with and without proposals."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, require_positive
from hyperdyn.cli.policy_pictures import require_pictures, strip, write_side_by_side
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.policies import GeneratedPolicy
    from hyperdyn.training.policies.films import Film
    from hyperdyn.training.policies.planned import PlanSetting
    from hyperdyn.training.policies.tables import PolicyRun

STRIP, VIDEO, RESULTS = "gaits.png", "planning.gif", "results.json"
SLIDER = 5
MOMENTS, SPACING = 6, 0.1
"""Pictures of a gait, and seconds between them."""
FPS = 12.5


@dataclass(frozen=True, kw_only=True)
class DemoPolicies(Command):
    """Show gaits written for values along a slider, and what a policy's proposals do for a planner.

    Writes a strip of pictures (gaits.png: a row for each value, the episode's last moments), a
    moving picture (planning.gif: a planner over the true simulator with few candidates, on its own
    and with the policy's proposals) and the returns (results.json). Without --policy it is the
    task's packaged one; of a task without, a policy generator is trained first, in minutes, and
    stays in the folder.
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    out: Path = Path("demo-policies")
    """Folder for what is made."""
    policy: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """A run folder of `hyperdyn train policy`, of a zero-shot method."""
    task: Annotated[str, tyro.conf.arg(metavar="TASK")] = "finger-speed"
    """Whose policy, where there is no --policy."""
    values: Annotated[tuple[float, ...], tyro.conf.arg(metavar="X")] = ()
    """Of what is varied (the first, where two are); evenly over the task's range unless given."""
    steps: Annotated[int, tyro.conf.arg(metavar="N")] = 200
    """Of each episode."""
    candidates: Annotated[int, tyro.conf.arg(metavar="N")] = 16
    """Sequences a plan rolls out."""
    horizon: Annotated[int, tyro.conf.arg(metavar="H")] = 15
    """Steps planned ahead."""
    workers: Annotated[int, tyro.conf.arg(metavar="W")] = len(os.sched_getaffinity(0))
    """Processes that demonstrate, where a policy is trained."""
    seed: int = 0
    """Of how episodes begin, and of plans."""

    def prepare(self) -> Job:
        """Check names and numbers, load the policy."""
        from hyperdyn.envs.suite.grids import GRIDS
        from hyperdyn.training.policies.planned import PlanSetting
        from hyperdyn.training.policies.tables import read_run

        for option in ("steps", "candidates", "horizon", "workers"):
            require_positive(f"--{option}", getattr(self, option))
        require_known("task", self.task, GRIDS)
        if self.seed < 0:
            raise InputError(f"--seed must not be negative; got {self.seed}.")
        require_pictures()
        setting = PlanSetting(candidates=(self.candidates,), horizon=self.horizon)
        given = self._given()
        self.out.mkdir(parents=True, exist_ok=True)

        def job() -> None:
            run = read_run(given or self._train())
            values, policy = self._slider(run)
            seen = GRIDS[run.task].ids("train", run.split)
            trained = {GRIDS[run.task].values()[row][0] for row in seen}
            alone = self._gaits(run, values, policy, trained)
            place = next((i for i, v in enumerate(values) if v not in trained), 0)
            planned = self._planning(run, values[place], policy[place], setting)
            _report(self.out, run, values, alone, values[place], planned)

        return job

    def _given(self) -> Path | None:
        """The run that is shown, if it need not be trained first."""
        from hyperdyn import assets
        from hyperdyn.training.policies.tables import read_run

        if self.policy is not None:
            return read_run(self.policy).folder
        return assets.policy(self.task) if self.task in assets.policy_tasks() else None

    def _train(self) -> Path:
        from tqdm import tqdm

        from hyperdyn.envs.suite.grids import GRIDS
        from hyperdyn.training.policies.quick import SPLIT, QuickTraining, train_quickly

        quick = QuickTraining()
        episodes = len(GRIDS[self.task].ids("train", SPLIT)) * quick.trajectories
        print(f"The planner demonstrates {self.task}, and a policy generator clones it.")
        with (
            tqdm(total=episodes, desc="demonstrations", unit="ep") as shown,
            tqdm(total=quick.steps, desc="training", unit="step") as made,
        ):
            return train_quickly(
                self.task,
                self.out,
                quick,
                workers=self.workers,
                on_episodes=shown.update,
                on_step=made.update,
            )

    def _slider(self, run: "PolicyRun") -> "tuple[list[float], GeneratedPolicy]":
        """The values, and a policy for each; what else is varied stands at its middle.

        Raises:
            InputError: If the method must be shown demonstrations first.
        """
        import torch

        from hyperdyn.envs.suite.grids import GRIDS
        from hyperdyn.policies import load_policy_generator

        model = load_policy_generator(run.folder)
        if model.needs_support:
            raise InputError(
                f"{run.folder} is a few-shot method ({run.kind}), which must be shown "
                "demonstrations; name a run of a zero-shot method."
            )
        first, *others = GRIDS[run.task].axes
        places = [round(i * (len(first) - 1) / (SLIDER - 1)) for i in range(SLIDER)]
        values = list(self.values) or [first[place] for place in places]
        middle = [axis[len(axis) // 2] for axis in others]
        return values, model.generate(torch.tensor([[value, *middle] for value in values]))

    def _gaits(
        self, run: "PolicyRun", values: list[float], policy: "GeneratedPolicy", trained: set[float]
    ) -> "list[Film]":
        from hyperdyn.training.policies.films import film
        from hyperdyn.training.policies.planning import PolicyActs

        apart = max(1, round(SPACING / _time_step(run.task)))
        taken = [self.steps - apart * i for i in range(MOMENTS) if self.steps - apart * i > 0]
        films = [
            film(
                run.task,
                self._options(run, value),
                PolicyActs(policy[place]),
                steps=self.steps,
                taken=taken,
                seed=self.seed,
            )
            for place, value in enumerate(values)
        ]
        labels = [
            f"{_first_name(run.task)} {value:g}{' (trained)' if value in trained else ''}   "
            f"return {sum(made.rewards):.0f} of {self.steps}"
            for value, made in zip(values, films, strict=True)
        ]
        strip(self.out / STRIP, [made.pictures for made in films], labels)
        return films

    def _planning(
        self, run: "PolicyRun", value: float, policy: "GeneratedPolicy", setting: "PlanSetting"
    ) -> "dict[str, Film]":
        from hyperdyn.training.policies.films import film
        from hyperdyn.training.policies.planning import Advice, TruePlanning

        planner = setting.planner_of(self.candidates)
        every = max(1, round(1 / (FPS * _time_step(run.task))))
        films = {
            name: film(
                run.task,
                self._options(run, value),
                TruePlanning(planner, advice),
                steps=self.steps,
                taken=range(every, self.steps + 1, every),
                seed=self.seed,
            )
            for name, advice in (
                ("sampling alone", None),
                ("with the policy's proposals", Advice(policy, setting.share, setting.std)),
            )
        }
        write_side_by_side(self.out / VIDEO, films, FPS)
        return films

    def _options(self, run: "PolicyRun", value: float) -> dict[str, float]:
        from hyperdyn.envs.suite.grids import GRIDS

        grid = GRIDS[run.task]
        middle = [axis[len(axis) // 2] for axis in grid.axes[1:]]
        return dict(zip(grid.names, [value, *middle], strict=True))


def _time_step(task: str) -> float:
    from hyperdyn.training.suite_states import BODIES

    return BODIES[task.split("-")[0]].time_step


def _first_name(task: str) -> str:
    from hyperdyn.envs.suite.grids import GRIDS

    return GRIDS[task].names[0]


def _report(
    out: Path,
    run: "PolicyRun",
    values: list[float],
    alone: "list[Film]",
    value: float,
    planned: "dict[str, Film]",
) -> None:
    steps, name = len(alone[0].rewards), _first_name(run.task)
    gaits = {f"{each:g}": sum(made.rewards) for each, made in zip(values, alone, strict=True)}
    plans = {way: sum(made.rewards) for way, made in planned.items()}
    found = {
        "task": run.task,
        "method": run.method,
        "steps": steps,
        "policy alone": gaits,
        "planning": {name: value, **plans},
    }
    (out / RESULTS).write_text(json.dumps(found, indent=2) + "\n")
    print(f"Returns of {run.method} on {run.task}, alone, of {steps} at most:")
    print("  " + ", ".join(f"{name} {each}: {gained:.0f}" for each, gained in gaits.items()))
    each = ", ".join(f"{way} {gained:.0f}" for way, gained in plans.items())
    print(f"The planner at {name} {value:g}: {each}.")
    print(f"Wrote {out / STRIP}, {out / VIDEO} and {out / RESULTS}")
