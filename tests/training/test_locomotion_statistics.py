"""What the locomotion tables make of numbers: leads, ratios, intervals, and codes read back."""

import numpy as np
import pytest

from hyperdyn.training.locomotion.codes import rank_correlation, read_across
from hyperdyn.training.locomotion.summaries import lead_row, ratio_row, returns_row


def test_a_lead_is_as_sure_as_the_single_differences():
    rng = np.random.default_rng(0)
    systems = rng.normal(0, 100, 40)  # what a system allows hides the lead of 10 from either alone
    ours = {(0, "seen"): (systems + 10 + rng.normal(size=40)).tolist()}
    theirs = {(0, "seen"): (systems + rng.normal(size=40)).tolist(), (1, "seen"): [900.0]}
    lead = lead_row(ours, theirs)
    assert lead["difference"] == pytest.approx(10, abs=2)
    assert 5 < lead["ci95"][0] < lead["ci95"][1] < 15
    alone = returns_row(ours)["ci95"]
    assert alone[1] - alone[0] > 40
    assert lead_row(ours, {(2, "seen"): [1.0]}) is None


def test_the_interval_resamples_each_seed_and_side_within_itself():
    strata = {(0, "a"): [0.0] * 4, (1, "a"): [1.0] * 4}
    assert returns_row(strata)["ci95"] == (0.5, 0.5)


def test_a_ratio_draws_the_same_episodes_for_both():
    under = {(0, "seen"): [1.0, 10.0, 100.0, 1000.0]}
    over = {(0, "seen"): [2.0, 20.0, 200.0, 2000.0]}
    assert ratio_row(over, under) == {"ratio": pytest.approx(2.0), "ci95": (2.0, 2.0)}
    none = {(0, "seen"): [-1.0, -2.0, -3.0, -4.0]}
    assert ratio_row(over, none) == {"ratio": None, "ci95": None}
    may = {(0, "seen"): [-30.0, 10.0, 20.0, 30.0]}
    assert ratio_row(over, may)["ci95"][1] is None


def test_codes_are_read_by_a_fit_to_other_episodes():
    rng = np.random.default_rng(0)
    truth = [rng.uniform(size=40) for _ in range(6)]
    codes = [np.stack([3 - 2 * values, rng.normal(size=40)], axis=1) for values in truth]
    readings = read_across(codes, truth)
    assert all(np.allclose(read, true) for read, true in zip(readings, truth, strict=True))
    # One episode that says the opposite is read by the others' fit, so it is read wrongly.
    codes[2][:, 0] *= -1
    assert np.corrcoef(read_across(codes, truth)[2], truth[2])[0, 1] < -0.9
    found = rank_correlation([r.tolist() for r in readings], [t.tolist() for t in truth])
    assert found["rank"] == pytest.approx(1.0)
    assert found["ci95"] == pytest.approx((1.0, 1.0))


def test_the_rank_correlation_is_spearmans():
    from scipy import stats

    rng = np.random.default_rng(1)
    read, true = rng.normal(size=(6, 20)), rng.integers(0, 4, (6, 20)).astype(float)
    found = rank_correlation(read.tolist(), true.tolist())
    halves = [stats.spearmanr(read[half::2].ravel(), true[half::2].ravel()) for half in (0, 1)]
    assert found["rank"] == pytest.approx(np.mean([half.statistic for half in halves]))
    assert found["ci95"][0] < found["rank"] < found["ci95"][1]


def test_where_the_truth_does_not_vary_nothing_is_ranked():
    still = rank_correlation([[1.0, 2.0], [1.0, 2.0]], [[3.0, 3.0], [3.0, 4.0]])
    assert still == {"rank": None, "ci95": None}
    assert rank_correlation([[1.0, 2.0]] * 2, [[3.0, 4.0]] * 2)["rank"] == 1.0


def test_a_code_that_says_nothing_ranks_nothing():
    from scipy import stats

    rng = np.random.default_rng(2)
    truth = [np.full(40, level) for level in (0.0, 1.0, 0.2, 0.8, 0.1, 0.9, 0.0, 0.7)]
    codes = [rng.normal(size=(40, 2)) for _ in truth]
    readings = read_across(codes, truth)
    # All ranked together, the mean of a fit to the other half would speak against the truth.
    together = stats.spearmanr(np.concatenate(readings), np.concatenate(truth)).statistic
    found = rank_correlation([r.tolist() for r in readings], [t.tolist() for t in truth])
    assert together < -0.5
    assert abs(found["rank"]) < 0.2
