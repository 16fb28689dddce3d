"""From made-up times to figures, by hand; and the tables of them."""

import json
from typing import Any

import pytest

from hyperdyn.benchmarks.peak import Peak
from hyperdyn.benchmarks.report import planner_tables
from hyperdyn.benchmarks.settings import Budget, Settings
from hyperdyn.benchmarks.summary import summarise
from hyperdyn.benchmarks.timing import Key, Rounds
from tests.benchmarks.sizes import TINY

PEAK = Peak("numpy", 10, lambda: None, {"numpy": 2e9, "torch": 1e9}, bandwidth=1e9)
SETTINGS = Settings(budget=Budget(iterations=4))


@pytest.fixture
def rounds() -> Rounds:
    """The yardstick (2,000 operations) takes 1 µs; ours is slower in the second round."""
    times = {
        Key("hyperdyn", "rollout"): [1e-5, 1e-5, 1e-5],
        Key("hyperdyn", "random-shooting"): [2e-5, 2e-5, 2e-5],
        Key("hyperdyn", "cem"): [4e-5, 8e-5, 4e-5],
        Key("hyperdyn", "mppi"): [4e-5, 4e-5, 4e-5],
        Key("torch", "cem"): [8e-5, 8e-5, 8e-5],
        Key("fast", "cem"): [12e-5, 12e-5, 12e-5],
        Key("slow", "cem"): [2e-3, 2e-3, 2e-3],
        Key("slow", "mppi"): [2e-4, 2e-4, 2e-4],
    }
    found = Rounds(dict.fromkeys(times, lambda: None), lambda: None, seconds=times, count=3)
    found.busy = {key: list(row) for key, row in times.items()}
    found.yardsticks = {key: [1e-6, 1e-6, 1e-6] for key in times}
    found.failed = {Key("fast", "mppi"): "ValueError: no"}
    return found


@pytest.fixture
def found(rounds: Rounds) -> dict[str, Any]:
    return summarise(rounds, TINY, SETTINGS, PEAK, {"gone": "ModuleNotFoundError: gone"})


def test_fractions_count_operations_over_what_the_yardstick_did_beside(found: dict[str, Any]):
    operations = 2 * (7 * 8 + 8 * 6 + 6 * 5) * 10 * 3
    assert found["operations_per_iteration"] == operations
    assert found["peak_gflops"] == pytest.approx(2.0)
    assert found["peak_fraction"] == pytest.approx(operations / 2e-5 / 2e9)
    cem = found["planners"]["cem"]
    assert cem["iterations"] == 4
    assert cem["seconds_per_iteration"] == pytest.approx(1e-5)
    assert cem["plans_per_second"] == pytest.approx(25_000)
    assert cem["model_evaluations_per_second"] == pytest.approx(4 * 30 / 4e-5)
    assert cem["peak_fraction"] == pytest.approx(4 * operations / 4e-5 / 2e9)
    low, high = cem["peak_fraction_quartiles"]
    assert low == pytest.approx(0.75 * cem["peak_fraction"])
    assert high == pytest.approx(cem["peak_fraction"])
    assert found["floor_seconds"]["operations"] == pytest.approx(operations / 2e9)
    assert found["floor_seconds"]["bytes"] == pytest.approx(TINY.bytes / 1e9)


def test_ratios_are_to_the_best_library_with_that_planner(found: dict[str, Any]):
    planners = found["planners"]
    assert planners["cem"]["best_peer"] == "fast"
    assert planners["cem"]["ratio_to_best_peer"] == pytest.approx(3.0)
    assert planners["mppi"]["best_peer"] == "slow"
    assert planners["mppi"]["ratio_to_best_peer"] == pytest.approx(5.0)
    assert "best_peer" not in planners["random-shooting"]
    assert found["ratio_to_best_peer"] == pytest.approx(3.0)
    assert planners["cem"]["ratio_to_torch"] == pytest.approx(2.0)
    assert found["ratio_to_torch"] == pytest.approx(2.0)
    assert set(found["peers"]) == {"fast", "slow"}
    assert set(found["baselines"]) == {"torch"}


def test_what_is_missing_is_listed_with_its_reason(found: dict[str, Any]):
    assert found["missing"] == {
        "gone": "ModuleNotFoundError: gone",
        "fast mppi": "ValueError: no",
    }


def test_without_peers_there_is_no_ratio(rounds: Rounds):
    for key in list(rounds.seconds):
        if key.library != "hyperdyn":
            del rounds.seconds[key]
    found = summarise(rounds, TINY, SETTINGS, PEAK, {})
    assert found["ratio_to_best_peer"] is None
    assert found["peers"] == {}
    assert planner_tables({"tiny": found})


def test_tables_show_every_figure_once(found: dict[str, Any]):
    found = json.loads(json.dumps(found))
    ours, others, missing, floor = planner_tables({"tiny": found})
    assert [row[1] for row in ours.rows] == ["rollout", "random-shooting", "cem", "mppi"]
    assert "3.00 [2.25, 3.00]" in ours.rows[2]
    assert [row[1] for row in others.rows] == ["fast", "slow", "torch"]
    assert missing.rows == [
        ("tiny", "gone", "ModuleNotFoundError: gone"),
        ("tiny", "fast mppi", "ValueError: no"),
    ]
    assert len(floor.rows) == 1
    lines = ours.markdown().splitlines()
    assert lines[2].startswith("| workload |")
    assert {line.count("|") for line in lines[2:]} == {len(ours.header) + 1}
    assert ours.rich().row_count == 4
