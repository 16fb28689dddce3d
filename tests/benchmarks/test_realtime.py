"""Deadlines: what is counted, and that busy processes come and go."""

import multiprocessing

import pytest

from hyperdyn.benchmarks import realtime


def test_plans_are_counted_against_their_deadline():
    rows = list(
        realtime.measure(["cem", "mppi"], [8], [0], deadline=1e-9, plans=3, on_plan=lambda: None)
    )
    assert [row.planner for row in rows] == ["cem", "mppi"]
    for row in rows:
        assert (row.plans, row.overran, row.missed, row.rounds) == (3, 1.0, 1.0, 1.0)
        assert 0 < row.median <= row.p99 <= row.longest
    table = realtime.realtime_table(rows, 1e-9)
    assert [line[:4] for line in table.rows] == [
        ("0", "cem", "8", "100.0%"),
        ("0", "mppi", "8", "100.0%"),
    ]


def test_a_generous_deadline_is_kept():
    (row,) = realtime.measure(["icem"], [10], [0], deadline=0.5, plans=1)
    assert row.overran == 0.0
    assert row.rounds > 1


def test_busy_processes_end_with_the_body():
    def alive() -> int:
        return len(multiprocessing.active_children())

    def interrupted() -> None:
        with realtime.busy(2):
            assert alive() == before + 2
            raise KeyboardInterrupt

    before = alive()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert alive() == before
