import numpy as np
import pytest
from scipy import stats

from hyperdyn.errors import InputError
from hyperdyn.training.statistics import interquartile_mean, interval, spearman


def test_the_interquartile_mean_ignores_both_outer_quarters():
    assert interquartile_mean(np.array([-1e9, 1.0, 2.0, 1e9])) == 1.5


def test_the_interval_covers_the_mean_of_a_normal_sample_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        low, high = interval([rng.normal(3.0, 1.0, 40).tolist()], resamples=400, seed=trial)
        hits += low <= 3.0 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_groups_are_resampled_within_themselves():
    low, high = interval([[0.0] * 10, [1.0] * 10])
    assert low == high == 0.5  # resampling across groups would vary the shares


def test_an_empty_group_is_refused():
    with pytest.raises(InputError, match="at least one value in every group"):
        interval([[1.0], []])


def test_rank_correlations_are_spearmans():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(4, 30)), rng.integers(6, size=(4, 30)).astype(float)
    wanted = [stats.spearmanr(*pair).statistic for pair in zip(one, other, strict=True)]
    assert spearman(one, other).tolist() == pytest.approx(wanted, abs=1e-5)
    assert spearman(one, np.ones((4, 30))).tolist() == [0.0] * 4
