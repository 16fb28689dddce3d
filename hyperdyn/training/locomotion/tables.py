"""The locomotion tables from a study's measured cells: what is trained is what appears."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache, partial
from typing import Any

from hyperdyn.planners.budget import RANDOM
from hyperdyn.training.locomotion.adaptation import BEFORE
from hyperdyn.training.locomotion.adaptation_lag import lag
from hyperdyn.training.locomotion.layout import GENERATOR, TABLES, columns, key_of, splits_of
from hyperdyn.training.locomotion.measurements import Errors, OnRecorded, Promised
from hyperdyn.training.locomotion.runs import Run
from hyperdyn.training.locomotion.study import LocomotionStudy
from hyperdyn.training.locomotion.summaries import (
    Statistic,
    Strata,
    lead_row,
    means_row,
    ratio_row,
    returns_row,
)
from hyperdyn.training.statistics import interquartile_mean, mean

ERRORS = {"mse": 0.01, "one_step": 0.01, "open_loop": 0.01}
"""What table 6 counts in: hundredths, and centimetres."""
PROMISES = {"promised": 1.0, "attained": 1.0, "best": 1.0, "rank": 1.0}
"""As `Promises`: returns over the horizon, and a correlation."""

MakeRow = Callable[[list[Run], tuple[str, ...]], dict[str, Any]]
"""From runs of one model, one a training seed, and splits that are pooled."""
_Ahead = Callable[[tuple[str, ...], Strata], dict[str, Any]]


def locomotion_tables(study: LocomotionStudy, tables: Sequence[str]) -> dict[str, Any]:
    """The tables of a study by key and task, from cells that were worked out.

    Raises:
        HyperdynError: If one was not.
    """
    make: dict[str, Callable[[LocomotionStudy, str], dict[str, Any]]] = {
        **{table: partial(_returns, table=table) for table in ("3", "5", "ranges")},
        "6": _errors,
        "promises": _promises,
        "planners": _planners,
        "codes": _codes,
        "adaptation": _adaptation,
    }
    return {
        key_of(table): {
            task: found for task in study.tasks_of(table) if (found := make[table](study, task))
        }
        for table in tables
    }


def _rows(study: LocomotionStudy, task: str, table: str, row: MakeRow) -> dict[str, Any]:
    """A row a model that was trained: a cell a split, and one for the pool of its sides."""
    return {
        model: {split: row(runs, sides) for split, sides in columns(task).items()}
        for model in TABLES[table].measured
        if (runs := study.runs(task, model))
    }


def _returns(study: LocomotionStudy, task: str, table: str) -> dict[str, Any]:
    generators = study.runs(task, GENERATOR)
    ahead = _ahead(partial(study.strata, generators), interquartile_mean)

    def row(runs: list[Run], sides: tuple[str, ...]) -> dict[str, Any]:
        strata = study.strata(runs, sides)
        return returns_row(strata) | ({} if runs == generators else ahead(sides, strata))

    return _rows(study, task, table, row)


def _errors(study: LocomotionStudy, task: str) -> dict[str, Any]:
    if not study.drivers(task):
        return {}
    return _rows(study, task, "6", partial(_means, study, Errors, ERRORS))


def _promises(study: LocomotionStudy, task: str) -> dict[str, Any]:
    generators = study.runs(task, GENERATOR)

    def attained(runs: list[Run], sides: tuple[str, ...]) -> Strata:
        cells = study.on_recorded(Promised, runs, sides)
        return {key: cell["attained"] for key, cell in cells.items()}

    ahead = _ahead(partial(attained, generators), mean)

    def row(runs: list[Run], sides: tuple[str, ...]) -> dict[str, Any]:
        found = _means(study, Promised, PROMISES, runs, sides)
        return found | ({} if runs == generators else ahead(sides, attained(runs, sides)))

    return _rows(study, task, "promises", row) if study.drivers(task) else {}


def _means(
    study: LocomotionStudy,
    measure: type[OnRecorded],
    units: Mapping[str, float],
    runs: list[Run],
    sides: tuple[str, ...],
) -> dict[str, Any]:
    cells = study.on_recorded(measure, runs, sides)
    return {
        name: means_row({key: cell[name] for key, cell in cells.items()}, unit)
        for name, unit in units.items()
    }


def _ahead(ours: Callable[[tuple[str, ...]], Strata], statistic: Statistic) -> _Ahead:
    """By how much the generator is ahead of others; nothing where no training seed is shared."""
    ours = cache(ours)

    def found(sides: tuple[str, ...], theirs: Strata) -> dict[str, Any]:
        lead = lead_row(ours(sides), theirs, statistic)
        return {} if lead is None else {"lead": lead}

    return found


def _planners(study: LocomotionStudy, task: str) -> dict[str, Any]:
    runs = study.runs(task, study.planned)
    if not runs:
        return {}
    found: dict[str, Any] = {}
    for planner in study.compared_planners:
        for split, sides in columns(task).items():
            strata = study.strata(runs, sides, planner)
            row = returns_row(strata)
            if planner != RANDOM:
                row["ratio"] = ratio_row(strata, study.strata(runs, sides))
            found.setdefault(planner, {})[split] = row
    return found


def _codes(study: LocomotionStudy, task: str) -> dict[str, Any]:
    return {
        f"{run.model}-{run.seed}": {
            split: {
                name: {what: found[name][what] for what in ("rank", "ci95")}
                for name in ("code", "smoothed")
            }
            for split in splits_of(task)
            if (found := study.codes(run, split))
        }
        for model in (TABLES["codes"].measured if study.drivers(task) else ())
        for run in study.runs(task, model)
    }


def _adaptation(study: LocomotionStudy, task: str) -> dict[str, Any]:
    return {
        model: {**asdict(lag(errors, BEFORE)), "seeds": len(errors)}
        for model in TABLES["adaptation"].measured
        if (errors := study.adaptation_errors(task, model))
    }
