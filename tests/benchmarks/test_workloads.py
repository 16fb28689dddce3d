"""What a workload costs at least, against hand counts."""

import pytest

from hyperdyn.benchmarks.workloads import WORKLOADS, workloads
from hyperdyn.errors import InputError, UnknownNameError


def test_the_workloads_are_those_of_the_limits():
    assert list(WORKLOADS) == ["L500", "L4096", "P30", "P512", "E16-L500", "E16-P512", "E16-P30"]
    sizes = {name: (w.network.sizes, w.candidates, w.horizon) for name, w in WORKLOADS.items()}
    assert sizes["L500"] == ((24, 128, 128, 18), 500, 20)
    assert sizes["P30"] == ((18, 32, 32, 32, 15), 30, 10)
    assert sizes["E16-P512"] == sizes["P512"] == ((18, 32, 32, 32, 15), 512, 10)
    assert WORKLOADS["E16-P512"].systems == 16


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("L500", 2 * (24 * 128 + 128 * 128 + 128 * 18) * 500 * 20),
        ("P30", 2 * (18 * 32 + 32 * 32 + 32 * 32 + 32 * 15) * 30 * 10),
        ("E16-P30", 16 * 2 * 3_104 * 30 * 10),
    ],
)
def test_operations_are_two_for_every_weight_and_step(name: str, operations: int):
    assert WORKLOADS[name].operations == operations


def test_bytes_are_actions_twice_and_weights_and_returns_once():
    parameters = 24 * 128 + 128 + 128 * 128 + 128 + 128 * 18 + 18
    assert WORKLOADS["L500"].bytes == 4 * (2 * 500 * 20 * 6 + parameters + 500)
    assert WORKLOADS["E16-L500"].bytes == 16 * WORKLOADS["L500"].bytes


def test_no_name_means_all_and_an_unknown_one_is_answered_with_the_nearest():
    assert [workload.name for workload in workloads([])] == list(WORKLOADS)
    assert [workload.name for workload in workloads(["P30", "L500"])] == ["P30", "L500"]
    with pytest.raises(UnknownNameError, match="Did you mean 'E16-L500'"):
        workloads(["E16L500"])
    with pytest.raises(InputError, match="once"):
        workloads(["P30", "P30"])
