import numpy as np
import pytest

from hyperdyn.envs.contexts import PropertyRange, property_values
from hyperdyn.errors import InputError, UnknownNameError

RANGE = PropertyRange(seen=(2.0, 3.0), novel_low=(0.0, 1.0), novel_high=(4.0, 5.0))


@pytest.mark.parametrize(
    ("split", "low", "high"), [("seen", 2, 3), ("novel-low", 0, 1), ("novel-high", 4, 5)]
)
def test_a_split_is_uniform_over_its_range(split, low, high):
    values = RANGE.draw(split, 4000, np.random.default_rng(0))
    assert values.min() >= low
    assert values.max() <= high
    np.testing.assert_allclose(values.mean(), (low + high) / 2, atol=0.02)
    np.testing.assert_allclose(values.std(), 12**-0.5, atol=0.02)


def test_novel_takes_either_side_half_the_time_value_by_value():
    values = RANGE.draw("novel", 4000, np.random.default_rng(0))
    low, high = values[values <= 1], values[values >= 4]
    assert low.size + high.size == 4000
    assert abs(low.size - 2000) < 130
    assert 0.02 > low.min() >= 0
    assert 4.98 < high.max() <= 5
    sides = values > 2
    assert abs(np.mean(sides[1:] == sides[:-1]) - 0.5) < 0.04


def test_an_unknown_split_is_refused():
    with pytest.raises(UnknownNameError, match="'seen'"):
        RANGE.draw("sen", 1, np.random.default_rng(0))


@pytest.mark.parametrize("values", [[1.0], [[1.0, 2.0]], 3.0, None, "ab", [1.0, np.nan], [{}, 1]])
def test_values_that_are_not_so_many_finite_numbers_are_refused(values):
    with pytest.raises(InputError, match="'mass'"):
        property_values("mass", values, 2, "body")


def test_values_are_copied():
    given = np.array([1.0, 2.0])
    property_values("mass", given, 2, "body")[0] = 9.0
    assert given[0] == 1.0


def test_one_number_alone_will_do_for_a_property_of_one():
    np.testing.assert_array_equal(property_values("mass", 3.0, 1, "body"), [3.0])
