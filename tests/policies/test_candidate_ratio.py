"""Candidate ratios: curves whose answer is known, bounds that say so, intervals; sabotage."""

import numpy as np
import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners import Mixture, PolicyProposal, Share
from hyperdyn.training.policies.planning import sabotaged
from hyperdyn.training.policies.ratios import candidate_ratio
from tests.policies.test_proposals import (
    GOOD,
    SEEDS,
    SHARE,
    STD,
    beginnings,
    every_dynamics,
    gap,
    policy,
)

COUNTS = (8, 16, 32, 64, 128)
LINE = np.log2(COUNTS)[:, None]
"""Returns of 3 to 7: one more for twice the candidates."""


def ratio(curve, wanted, counts=COUNTS):
    episodes = np.asarray(wanted, dtype=float)
    return candidate_ratio(counts, {"a": curve + np.zeros(len(episodes))}, {"a": episodes})


@pytest.mark.parametrize(
    ("wanted", "expected", "text"),
    [
        (5.0, 4.0, "4.0 [4.0, 4.0]"),
        (5.5, 32**0.5, "5.7 [5.7, 5.7]"),  # halfway between 4 and 8, in logarithms
        (3.5, 2**0.5, "1.4 [1.4, 1.4]"),
        (6.9, 2**3.9, "14.9 [14.9, 14.9]"),
        (7.1, 16.0, "≥ 16.0 [≥ 16.0, ≥ 16.0]"),
        (2.0, 1.0, "≤ 1.0 [≤ 1.0, ≤ 1.0]"),
    ],
)
def test_a_line_over_the_logarithm_of_the_candidates(wanted, expected, text):
    found = ratio(LINE, [wanted, wanted])
    assert found.ratio == pytest.approx(expected)
    assert found.text == text
    assert found.limits == (1.0, 16.0)
    assert found.wanted == wanted


def test_the_first_place_counts_where_a_curve_falls_again():
    curve = np.array([[1.0], [4.0], [2.0], [3.0], [9.0]])
    assert ratio(curve, [2.5]).ratio == pytest.approx(2**0.5)
    assert ratio(curve, [4.5]).ratio == pytest.approx(8 * 2**0.25)
    assert ratio(np.full((5, 1), 1.0), [1.1]).text.startswith("≥ 16.0")


def test_an_interval_covers_what_episodes_leave_open_and_marks_its_bounds():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=400)
    certain = ratio(LINE + noise, 5.0 + noise)  # in the same episodes: they cancel out
    assert certain.ci95[1] / certain.ci95[0] < 1.001
    open_ended = ratio(LINE, 5.0 + noise)
    low, high = open_ended.ci95
    wide = 2 ** (1.96 * noise.std() / 20)
    assert low == pytest.approx(open_ended.ratio / wide, rel=0.02)
    assert high == pytest.approx(open_ended.ratio * wide, rel=0.02)
    half = ratio(LINE, 7.0 + noise - noise.mean())
    assert "≥ 16.0]" in half.text
    assert half.ci95[0] < 16 == half.ci95[1]


def test_strata_are_pooled_and_resampled_within_themselves():
    alone = {"a": LINE + np.zeros(3), "b": LINE + 10 + np.zeros(6)}
    assisted = {"b": np.full(6, 15.0), "a": np.full(3, 5.0)}
    found = candidate_ratio(COUNTS, alone, assisted)
    assert found.ratio == pytest.approx(4.0)
    assert found.ci95 == pytest.approx((4.0, 4.0))  # across strata it would spread
    assert found.wanted == pytest.approx((6 * 15 + 3 * 5) / 9)


@pytest.mark.parametrize(
    ("counts", "alone", "assisted", "text"),
    [
        ((8,), {"a": LINE[:1]}, {"a": np.ones(1)}, "ascending"),
        ((16, 8), {"a": LINE[:2]}, {"a": np.ones(1)}, "ascending"),
        (COUNTS, {"a": LINE}, {"a": np.ones(2)}, "the same episodes"),
        (COUNTS, {"a": LINE}, {"b": np.ones(1)}, "the same episodes"),
        (COUNTS, {"a": LINE[:, :0]}, {"a": np.ones(0)}, "the same episodes"),
    ],
)
def test_what_cannot_be_compared_is_refused(counts, alone, assisted, text):
    with pytest.raises(InputError, match=text):
        candidate_ratio(counts, alone, assisted)


def test_a_sabotaged_policy_does_the_opposite():
    own, states = policy(GOOD), beginnings()
    torch.testing.assert_close(sabotaged(own).act(states), -own.act(states))
    assert own.act(states).abs().min() > 0
    torch.testing.assert_close(sabotaged(sabotaged(own)).parameters, own.parameters)


@every_dynamics
def test_sabotage_costs_no_more_than_noise_where_the_optimum_is_known(kind):
    """Noise is how much the plan of one system varies with the seed."""

    def proposed(own):
        return Mixture((Share("policy", PolicyProposal(own.act, STD), SHARE),))

    own = policy(GOOD)
    few = {"samples": 25, "elites": 5}
    alone, helped, harmed = (
        torch.stack([gap("icem", kind, mixture, seed, **few) for seed in range(SEEDS)])
        for mixture in (None, proposed(own), proposed(sabotaged(own)))
    )
    noise = alone.std(dim=0).mean()
    assert harmed.mean() - alone.mean() < noise / 4
    assert alone.mean() - helped.mean() > noise / 4
