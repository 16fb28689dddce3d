"""The locomotion tables from a study's measured cells: what is trained is what appears."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any

from hyperdyn.planners.budget import RANDOM
from hyperdyn.training.cells import work_out
from hyperdyn.training.locomotion.adaptation import BEFORE
from hyperdyn.training.locomotion.adaptation_lag import lag
from hyperdyn.training.locomotion.layout import GENERATOR, TABLES, columns, key_of, splits_of
from hyperdyn.training.locomotion.measurements import Errors, Promised
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
Cells = Mapping[tuple[int, str], Mapping[str, Any]]
"""By training seed and split."""


@dataclass(frozen=True)
class LocomotionTables:
    """Tables as they stand."""

    found: dict[str, dict[str, Any]]
    """By key and task; a task of which nothing was trained is left out."""
    undriven: dict[str, str]
    """By "TABLE, TASK": why no episode could be recorded."""
    waiting: dict[str, list[str]]
    """By key, the tasks that were not worked out yet."""


def locomotion_tables(
    study: LocomotionStudy,
    tables: Sequence[str],
    *,
    workers: int = 1,
    on_cell: Callable[[], object] = lambda: None,
) -> Iterator[LocomotionTables]:
    """Work the tables of a study out, one after the other.

    Args:
        study: Its runs and how they are measured.
        tables: Names in `TABLES`, in this order.
        workers: Processes; one works in this process itself.
        on_cell: Called after each cell of each table, also where it was kept.

    Yields:
        How the tables stand after each task of one, or once if there is nothing to work out.

    Raises:
        HyperdynError: If a cell fails; those done stay.
    """
    rows: dict[str, dict[str, Any]] = {table: {} for table in tables}
    undriven: dict[str, str] = {}
    left = {
        table: Counter(cell.run.task for stage in study.cells([table]) for cell in stage)
        for table in tables
    }

    def standing() -> LocomotionTables:
        # Tasks stand in the study's order, whichever was done first.
        return LocomotionTables(
            {
                key_of(table): {
                    task: rows[table][task]
                    for task in study.tasks_of(table)
                    if rows[table].get(task)
                }
                for table in tables
            },
            dict(undriven),
            {key_of(table): list(tasks) for table, tasks in left.items() if tasks},
        )

    if not any(left.values()):
        yield standing()
    for table in left:
        for stage in study.cells([table]):
            for cell in work_out(stage, study.kept, workers=workers):
                on_cell()
                task = cell.run.task
                left[table] -= Counter([task])
                if not left[table][task]:
                    rows[table][task] = _rows_of(study, table, task)
                    if why := study.undriven(table, task):
                        undriven[f"{table}, {task}"] = why
                    yield standing()


def _rows_of(study: LocomotionStudy, table: str, task: str) -> dict[str, Any]:
    """A table's rows of a task; none where no episode could be driven."""
    make: dict[str, Callable[[LocomotionStudy, str], dict[str, Any]]] = {
        **{table: partial(_returns, table=table) for table in ("3", "5", "ranges")},
        "6": _errors,
        "promises": _promises,
        "planners": _planners,
        "codes": _codes,
        "adaptation": _adaptation,
    }
    return make[table](study, task)


def _rows(study: LocomotionStudy, task: str, table: str, row: MakeRow) -> dict[str, Any]:
    """A row a model that was trained: a cell a split, and one for the pool of its sides."""
    return {
        model: {split: row(runs, sides) for split, sides in columns(task).items()}
        for model in TABLES[table].measured
        if (runs := study.runs(task, model))
    }


def _returns(study: LocomotionStudy, task: str, table: str) -> dict[str, Any]:
    ahead = _ahead(study.runs(task, GENERATOR), study.strata, interquartile_mean)

    def row(runs: list[Run], sides: tuple[str, ...]) -> dict[str, Any]:
        strata = study.strata(runs, sides)
        return returns_row(strata) | ahead(runs, sides, strata)

    return _rows(study, task, table, row)


def _errors(study: LocomotionStudy, task: str) -> dict[str, Any]:
    def row(runs: list[Run], sides: tuple[str, ...]) -> dict[str, Any]:
        return _means(study.on_recorded(Errors, runs, sides), ERRORS)

    return _rows(study, task, "6", row)


def _promises(study: LocomotionStudy, task: str) -> dict[str, Any]:
    def attained(runs: list[Run], sides: tuple[str, ...]) -> Strata:
        return _strata(study.on_recorded(Promised, runs, sides), "attained")

    ahead = _ahead(study.runs(task, GENERATOR), attained, mean)

    def row(runs: list[Run], sides: tuple[str, ...]) -> dict[str, Any]:
        cells = study.on_recorded(Promised, runs, sides)
        return _means(cells, PROMISES) | ahead(runs, sides, _strata(cells, "attained"))

    return _rows(study, task, "promises", row)


def _means(cells: Cells, units: Mapping[str, float]) -> dict[str, Any]:
    return {name: means_row(_strata(cells, name), unit) for name, unit in units.items()}


def _strata(cells: Cells, name: str) -> Strata:
    return {key: cell[name] for key, cell in cells.items()}


def _ahead(
    generators: list[Run],
    strata: Callable[[list[Run], tuple[str, ...]], Strata],
    statistic: Statistic,
) -> Callable[[list[Run], tuple[str, ...], Strata], dict[str, Any]]:
    """By how much the generator is ahead of others; nothing where no training seed is shared."""
    ours = cache(partial(strata, generators))

    def found(runs: list[Run], sides: tuple[str, ...], theirs: Strata) -> dict[str, Any]:
        lead = None if runs == generators else lead_row(ours(sides), theirs, statistic)
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
        for model in TABLES["codes"].measured
        for run in study.runs(task, model)
    }


def _adaptation(study: LocomotionStudy, task: str) -> dict[str, Any]:
    return {
        model: {**asdict(lag(errors, BEFORE)), "seeds": len(errors)}
        for model in TABLES["adaptation"].measured
        if (errors := study.adaptation_errors(task, model))
    }
