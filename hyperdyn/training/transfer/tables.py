"""The tables of the study, from what was trained: zero-shot, fine-tuning, diversity, proposals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hyperdyn.errors import InputError
from hyperdyn.training.cells import Cell, read_cell
from hyperdyn.training.statistics import interval, mean
from hyperdyn.training.transfer.measurements import ExpertReturns, Sampled
from hyperdyn.training.transfer.proposing import Helped, helpers_of
from hyperdyn.training.transfer.runs import (
    Experts,
    SamplerRun,
    TunedRun,
    read_experts,
    read_samplers,
    read_tuned,
)
from hyperdyn.training.tuning.curves import step_ratio, steps_to

TABLES = ("zero_shot", "fine_tuning", "diversity", "proposals")
HEADLINE = ("hyplatent-weight", "hyplatent-latent")
"""Whose numbers stand for a family: the first of these that was trained. The authors' page says
that policies of MuJoCo tasks are generated in the space of weights."""
HELPED = ("cem", "icem", "mppi")


@dataclass(frozen=True, kw_only=True)
class TransferStudy:
    """Trained runs, the experts they learnt from, and how they are measured."""

    folder: Path
    """Of the runs."""
    experts: tuple[Path, ...]
    """Folders of `hyperdyn collect policies`, one a family."""
    kept: Path
    """Folder of cells."""
    count: int = 8
    """L, policies drawn for each test task."""
    episodes: int = 5
    """Of each policy."""
    selecting: int = 5
    """Further ones, to choose by."""
    samples: int = 100
    """Candidates of a plan."""
    horizon: int = 10
    """Steps planned ahead."""
    share: float = 0.5
    """Of the policies together in a plan's first round."""
    planned: int = 1
    """Episodes of each test task that are planned."""
    planners: tuple[str, ...] = HELPED
    """Those that are helped."""
    seed: int = 0

    @cached_property
    def sources(self) -> dict[str, Experts]:
        """Experts by family.

        Raises:
            InputError: If a family's are not whole, or given twice.
        """
        return {own.family: own for own in read_experts(self.experts).values()}

    @cached_property
    def samplers(self) -> tuple[SamplerRun, ...]:
        """Trained on these experts.

        Raises:
            InputError: If there is none.
        """
        found = read_samplers(self.folder, {own.digest: own for own in self.sources.values()})
        if not found:
            raise InputError(
                f"{self.folder} holds no finished run of `hyperdyn train genhyper` on these "
                "experts; train one, or name the experts that its runs learnt from."
            )
        return tuple(found)

    @cached_property
    def tuned(self) -> tuple[TunedRun, ...]:
        """Runs of fine-tuning, and from scratch."""
        return tuple(read_tuned(self.folder))

    @property
    def families(self) -> tuple[str, ...]:
        """Those that something was trained for."""
        return tuple(dict.fromkeys(run.family for run in self.samplers))

    def cells(self, tables: Sequence[str]) -> list[Cell]:
        """What the tables are made from."""
        found: list[Cell] = [self._experts(family) for family in self.families]
        if "zero_shot" in tables or "diversity" in tables:
            found += [self._sampled(run) for run in self.samplers]
        if "proposals" in tables:
            for family in self.families:
                found += [cell for _, cell in self._helped(family)]
        return found

    def tables(self, tables: Sequence[str]) -> dict[str, Any]:
        """The tables, from cells that were worked out.

        Raises:
            HyperdynError: If one was not.
        """
        make = {
            "zero_shot": self._zero_shot,
            "fine_tuning": self._fine_tuning,
            "diversity": self._diversity,
            "proposals": self._proposals,
        }
        return {name: {family: make[name](family) for family in self.families} for name in tables}

    def expert_returns(self, family: str) -> dict[int, float]:
        """Mean return of the expert of each test task."""
        from hyperdyn.envs.meta import FAMILIES

        returns = read_cell(self._experts(family), self.kept)["returns"]
        return {
            task: float(np.mean(own))
            for task, own in zip(FAMILIES[family].test, returns, strict=True)
        }

    def headline(self, family: str) -> list[SamplerRun]:
        """The runs, a seed each, whose numbers stand for a family; perhaps none."""
        for method in HEADLINE:
            runs = [run for run in self._of(family) if run.method == method]
            if runs:
                most = max(run.tasks for run in runs)
                return [run for run in runs if run.tasks == most]
        return []

    def curves(self, family: str) -> dict[str, TunedRun]:
        """Runs of fine-tuning by what is shown of them."""
        models = {run.model: run for run in self._of(family)}
        found: dict[str, TunedRun] = {}
        for run in self.tuned:
            own = models.get(run.tuned.meta.model)
            if run.tuned.meta.family != family or (run.tuned.meta.model and own is None):
                continue
            origin = "from scratch" if own is None else f"{own.method}, {own.tasks} tasks"
            found[f"{run.name} ({origin})"] = run
        return found

    def _of(self, family: str) -> list[SamplerRun]:
        return [run for run in self.samplers if run.family == family]

    def _zero_shot(self, family: str) -> dict[str, Any]:
        cells = {run: read_cell(self._sampled(run), self.kept) for run in self._of(family)}
        by_tasks: dict[str, Any] = {}
        for run in cells:
            of_tasks = by_tasks.setdefault(str(run.tasks), {})
            alike = [other for other in cells if _alike(run, other)]
            if run.method not in of_tasks:
                of_tasks[run.method] = {
                    **_samples_row([cells[own]["returns"] for own in alike]),
                    "selected": _samples_row([_chosen(cells[own]) for own in alike]),
                    "seeds": [own.seed for own in alike],
                }
        experts = read_cell(self._experts(family), self.kept)["returns"]
        found: dict[str, Any] = {"by_training_tasks": by_tasks, "expert": _row(experts)}
        headline = self.headline(family)
        if headline:
            row = by_tasks[str(headline[0].tasks)][headline[0].method]
            found = {"mean": row["mean"], "ci95": row["ci95"], "of": headline[0].method, **found}
        return found

    def _fine_tuning(self, family: str) -> dict[str, Any]:
        experts, curves = self.expert_returns(family), self.curves(family)
        scratch = [run for run in curves.values() if not run.tuned.meta.model]
        models = {run.model for run in self.headline(family)}
        found: dict[str, Any] = {"step_ratio": None, "runs": {}}
        compared: dict[bool, str] = {}
        for name, run in curves.items():
            own = run.tuned
            row = {
                "steps": list(own.meta.steps),
                "returns": own.returns.mean(1).tolist(),
                "rows": len(own.meta.tasks),
                "episodes": own.meta.episodes,
                "settings": run.settings,
            }
            tasks = set(own.meta.tasks)  # each as often as any other
            alike = [other for other in scratch if set(other.tuned.meta.tasks) == tasks]
            if own.meta.model and alike:
                other = alike[0].tuned
                row |= step_ratio(
                    steps_to(own, experts),
                    steps_to(other, experts),
                    budgets=(own.meta.steps[-1], other.meta.steps[-1]),
                )
                row["against"] = alike[0].name
                compared.setdefault(own.meta.model in models, name)
            found["runs"][name] = row
        if compared:
            of = compared.get(True) or compared[False]  # a headline's before any other
            row = found["runs"][of]
            found |= {"step_ratio": row["ratio"], "bound": row["bound"], "of": of}
        return found

    def _diversity(self, family: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for run in self._of(family):
            cell = read_cell(self._sampled(run), self.kept)
            returns = np.asarray(cell["returns"])
            if returns.shape[1] > 1:
                found[f"{run.method}, {run.tasks} tasks, seed {run.seed}"] = {
                    "behaviour": float(np.mean(cell["behaviour"])),
                    "returns": float(returns.std(1, ddof=1).mean()),
                    "samples": returns.shape[1],
                }
        return found

    def _proposals(self, family: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, cell in self._helped(family):
            returns = read_cell(cell, self.kept)["returns"]
            found.setdefault(cell.planner, {})[name] = _row(returns)
        return found

    def _experts(self, family: str) -> ExpertReturns:
        return ExpertReturns(
            experts=str(self.sources[family].folder),
            family=family,
            episodes=self.episodes,
            seed=self.seed,
        )

    def _sampled(self, run: SamplerRun) -> Sampled:
        return Sampled(
            run=str(run.folder),
            experts=str(self.sources[run.family].folder),
            family=run.family,
            count=1 if run.method == "regression" else self.count,
            episodes=self.episodes,
            selecting=self.selecting,
            seed=self.seed,
        )

    def _helped(self, family: str) -> Iterable[tuple[str, Helped]]:
        """Planners of a family by who helps: samples of the headline's first seed."""
        plain = self.headline(family)[:1]
        refining = [
            run
            for run in self._of(family)
            if run.refines and plain and _is_on(run, plain[0]) and run.seed == plain[0].seed
        ][:1]
        for planner in self.planners:
            for raw, refined in helpers_of(bool(refining), self.count) if plain else ():
                run = (refining if refined else plain)[0] if raw or refined else None
                words = [f"{raw} raw"] * bool(raw) + [f"{refined} refined"] * bool(refined)
                yield (
                    " and ".join(words) or "alone",
                    Helped(
                        run="" if run is None else str(run.folder),
                        family=family,
                        planner=planner,
                        raw=raw,
                        refined=refined,
                        samples=self.samples,
                        horizon=self.horizon,
                        share=self.share,
                        episodes=self.planned,
                        seed=self.seed,
                    ),
                )


def _alike(one: SamplerRun, other: SamplerRun) -> bool:
    return (one.method, one.tasks) == (other.method, other.tasks)


def _is_on(refining: SamplerRun, base: SamplerRun) -> bool:
    return refining.method.endswith(f" {base.method}") and refining.tasks == base.tasks


def _chosen(cell: Mapping[str, Any]) -> list[list[float]]:
    """Of each task the return of the sample that was best on the episodes to choose by."""
    return [
        [own[int(np.argmax(tried))]]
        for own, tried in zip(cell["returns"], cell["selection"], strict=True)
    ]


def _samples_row(runs: Sequence[Sequence[Sequence[float]]]) -> dict[str, Any]:
    """Mean over tasks, and the 95 % interval over the samples of all runs; None if there is one.

    The k-th samples of all tasks are drawn from one noise, so that they are resampled together.
    """
    values = np.concatenate([np.asarray(run) for run in runs], axis=1)  # [tasks, samples]
    means = values.mean(0)
    return {
        "mean": float(means.mean()),
        "ci95": list(interval([means.tolist()], statistic=mean)) if len(means) > 1 else None,
        "by_task": values.mean(1).tolist(),
        "values": len(means),
    }


def _row(by_task: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Mean over tasks, and the 95 % interval over the episodes of each."""
    several = min(map(len, by_task)) > 1
    return {
        "mean": float(np.mean([np.mean(own) for own in by_task])),
        "ci95": list(interval(by_task, statistic=mean)) if several else None,
        "by_task": [float(np.mean(own)) for own in by_task],
        "values": len(by_task[0]),
    }
