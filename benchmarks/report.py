"""Results as tables: for the terminal, and as Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table as RichTable

NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """A title, a header and rows of text; the first columns are names, the others figures."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    names: int = 2
    """Columns that are names."""

    def rich(self) -> "RichTable":
        """For the terminal."""
        from rich.table import Table as RichTable

        table = RichTable(title=self.title, title_justify="left")
        for index, column in enumerate(self.header):
            table.add_column(
                column, justify="left" if index < self.names else "right", overflow="fold"
            )
        for row in self.rows:
            table.add_row(*row, end_section=_ends_section(row, self.rows))
        return table

    def markdown(self) -> str:
        """For a document."""
        bars = ["---" if index < self.names else "--:" for index in range(len(self.header))]
        lines = [self.header, tuple(bars), *self.rows]
        return "\n".join([f"{self.title}:\n", *(f"| {' | '.join(line)} |" for line in lines)])


def planner_tables(workloads: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """What was measured of us, what was measured of the peers, and what is missing.

    Args:
        workloads: Summaries by name, as in the JSON file.
    """
    ours = Table(
        "hyperdyn: median over rounds [quartiles]",
        (
            "workload",
            "",
            "plans/s",
            "model steps/s",
            "of the peak",
            "× plain torch",
            "× best peer",
            "which is",
        ),
        [row for name, found in workloads.items() for row in _our_rows(name, found)],
    )
    others = Table(
        "Peers, and baselines of our own: share of the peak, per iteration",
        ("workload", "", "rollout", "random-shooting", "cem", "icem", "mppi"),
        [row for name, found in workloads.items() for row in _their_rows(name, found)],
    )
    missing = Table(
        "Missing",
        ("workload", "", "why"),
        [
            (name, who, why)
            for name, found in workloads.items()
            for who, why in found["missing"].items()
        ],
        names=3,
    )
    floors = Table(
        "The least an iteration can take, and the matrix product beside it",
        ("workload", "MFLOP", "MB", "operations / peak", "bytes / bandwidth", "peak GFLOP/s"),
        [_floor_row(name, found) for name, found in workloads.items()],
        names=1,
    )
    return [table for table in (ours, others, missing, floors) if table.rows]


def generation_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Condition to weights, and the first use of them."""
    columns = {
        "systems": "systems",
        "generate_us": "generate (µs)",
        "generate_us_per_system": "a system (µs)",
        "packing_us_per_system": "packing, a system (µs)",
        "rollout_overhead_us": "a rollout's overhead (µs)",
        "plan_same_weights_us": "plan, same weights (µs)",
        "plan_fresh_weights_us": "plan, fresh weights (µs)",
    }
    return _of_rows("Generated models: median over rounds", columns, rows)


def training_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Training steps on equally many targets."""
    columns = {
        "batch": "128 targets",
        "step_ms": "step (ms)",
        "steps_per_second": "steps/s",
        "ratio_to_per_sample": "× weights for every target",
    }
    return _of_rows("Training steps: median over rounds", columns, rows)


def collection_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Steps of the whole loop, simulation and planning together."""
    columns = {
        "loop": "planning, 500 × 20",
        "systems": "systems at once",
        "steps_per_second": "steps/s",
        "ratio_to_plain": "× plain torch, one system",
    }
    return _of_rows("Collecting episodes: median over rounds", columns, rows)


def perception_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """What a frame, its codes and a training step take."""
    return _of_rows(
        "Perception of one frame: median over rounds", {"task": "task", "ms": "ms"}, rows
    )


def pushing_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rollouts of a pushed object, beside plain torch and the exact path."""
    columns = {
        "task": "task",
        "ms": "ms",
        "floor_ms": "operations / peak (ms)",
        "ratio_to_torch": "× faster than torch",
        "ratio_to_exact": "× faster than exact",
    }
    return _of_rows("Pushing, a model for every push: median over rounds", columns, rows)


TABLES = {
    "generation": generation_table,
    "training": training_table,
    "collection": collection_table,
    "perception": perception_table,
    "pushing": pushing_table,
}
"""Tables of the benchmarks whose result is a list of rows."""


def _of_rows(title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> Table:
    text = [tuple(_text(row[key]) for key in columns) for row in rows]
    return Table(title, tuple(columns.values()), text, names=1)


def _our_rows(name: str, found: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    tasks = {"rollout": found["rollout"], **found["planners"]}
    for task, entry in tasks.items():
        if entry is not None:
            yield (
                name,
                task,
                _text(entry.get("plans_per_second")),
                _count(entry["model_evaluations_per_second"]),
                _spread(entry, "peak_fraction"),
                _spread(entry, "ratio_to_torch"),
                _spread(entry, "ratio_to_best_peer"),
                entry.get("best_peer", NOTHING),
            )


def _their_rows(name: str, found: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for library, entries in {**found["peers"], **found["baselines"]}.items():
        tasks = ("rollout", "random-shooting", "cem", "icem", "mppi")
        figures = (entries.get(task, {}).get("peak_fraction") for task in tasks)
        yield (name, library, *(_text(figure) for figure in figures))


def _floor_row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    floor = found["floor_seconds"]
    return (
        name,
        _text(found["operations_per_iteration"] / 1e6),
        _text(found["bytes_per_iteration"] / 1e6),
        _duration(floor["operations"]),
        _duration(floor["bytes"]),
        _text(found["peak_gflops"]),
    )


def _spread(entry: Mapping[str, Any], figure: str) -> str:
    if figure not in entry:
        return NOTHING
    low, high = entry[f"{figure}_quartiles"]
    return f"{_text(entry[figure])} [{_text(low)}, {_text(high)}]"


def _text(value: object) -> str:
    if value is None:
        return NOTHING
    if not isinstance(value, float):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = next((n for n, limit in ((3, 1), (2, 10), (1, 100)) if abs(value) < limit), 0)
    return f"{value:.{digits}f}"


def _count(value: float) -> str:
    return f"{value / 1e6:.3g} M"


def _duration(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"


def _ends_section(row: tuple[str, ...], rows: list[tuple[str, ...]]) -> bool:
    later = [other for other in rows if other[0] == row[0]]
    return later[-1] is row
