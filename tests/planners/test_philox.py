"""Compiled random numbers: the published generator, and the distributions made of it."""

import numpy as np
import pytest
import torch
from scipy import stats

from hyperdyn.planners import _philox, sampling


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        # Known answers of Random123 for philox4x32, 10 rounds; counters whose upper half is zero.
        (0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ],
)
def test_known_answers(counter: int, key: int, words: str):
    found = np.empty((4, _philox.BLOCKS), np.uint32)
    _philox.words_of(key, counter, found)
    assert [f"{word:08x}" for word in found[:, 0]] == words.split()


def philox4x32(counter: int, key: int) -> list[int]:
    """The generator as it is published, for one counter."""
    c = [counter & 0xFFFFFFFF, counter >> 32, 0, 0]
    k = [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


@pytest.mark.parametrize("first", [0, 5, 2**32 - 3, 2**40 + 1])
@pytest.mark.parametrize("key", [1, 0x1234567890ABCDEF, 2**63 - 1])
def test_every_lane_is_the_published_generator(first: int, key: int):
    found = np.empty((4, _philox.BLOCKS), np.uint32)
    _philox.words_of(key, first, found)
    for block in range(_philox.BLOCKS):
        assert found[:, block].tolist() == philox4x32(first + block, key)


def test_normal_numbers_are_normal(rng):
    mean, std = torch.zeros(2, 5, 3), torch.ones(2, 5, 3)
    drawn = sampling.gaussian(mean, std, 20_000, generator=rng)
    numbers = drawn.double().flatten().numpy()
    assert np.isfinite(numbers).all()
    assert stats.kstest(numbers, "norm").pvalue > 1e-3
    assert abs(stats.kurtosis(numbers)) < 0.03
    # Independent: between neighbours in a draw, and between the two halves of a pair.
    for lag in (1, 2, 15, 64, 128):
        assert abs(np.corrcoef(numbers[:-lag], numbers[lag:])[0, 1]) < 0.01
        assert abs(np.corrcoef(numbers[:-lag] ** 2, numbers[lag:] ** 2)[0, 1]) < 0.01


def test_uniform_numbers_are_uniform(rng):
    low, high = torch.tensor([-1.0, 2.0, 5.0]), torch.tensor([1.0, 2.5, 5.0])
    drawn = sampling.uniform(3, 4000, within=(low.repeat(10, 1), high.repeat(10, 1)), generator=rng)
    assert (drawn >= low).all()
    assert (drawn <= high).all()
    for axis in (0, 1):
        numbers = ((drawn - low) / (high - low))[..., axis].double().flatten().numpy()
        assert stats.kstest(numbers, "uniform").pvalue > 1e-3
    assert (drawn[..., 2] == 5.0).all()


@pytest.mark.parametrize(("n", "horizon", "action_dim"), [(1, 1, 1), (7, 3, 2), (3, 100, 7)])
def test_mean_and_deviation_of_each_action(n: int, horizon: int, action_dim: int, rng):
    mean = torch.randn(4, horizon, action_dim, generator=rng)
    std = torch.rand(4, horizon, action_dim, generator=rng)
    drawn = torch.cat(
        [sampling.gaussian(mean, std, n, generator=rng) for _ in range(3000 // n)], dim=1
    )
    assert ((drawn.mean(dim=1) - mean) / std).abs().max() < 5 / 3000**0.5
    assert (drawn.std(dim=1) / std - 1).abs().max() < 0.12


def test_each_draw_moves_the_generator_on(rng):
    mean, std = torch.zeros(1, 4, 2), torch.ones(1, 4, 2)
    first, second = (sampling.gaussian(mean, std, 5, generator=rng) for _ in range(2))
    assert not torch.equal(first, second)
    again = sampling.gaussian(mean, std, 5, generator=torch.Generator().manual_seed(0))
    other = sampling.gaussian(mean, std, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again, other)
