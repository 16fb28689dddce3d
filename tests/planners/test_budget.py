"""Planners by name at equal candidates."""

import pytest

from hyperdyn.errors import InputError, UnknownNameError
from hyperdyn.planners.budget import COLD, PLANNERS, candidates, planner_of


@pytest.mark.parametrize("name", [*PLANNERS, *COLD])
def test_planners_have_equal_candidates(name):
    assert 480 <= candidates(planner_of(name, 500, 20)) <= 500
    assert planner_of(name, 500, 7).horizon == 7
    assert planner_of(name, 500, 20).warm_start == (name not in COLD)


def test_too_few_candidates_and_unknown_planners_are_refused():
    with pytest.raises(UnknownNameError, match="planner"):
        planner_of("cme", 500, 20)
    with pytest.raises(InputError):
        planner_of("cem", 5, 20)
