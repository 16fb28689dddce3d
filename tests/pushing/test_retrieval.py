"""Finding the known object that looks most alike, however it lies."""

import math

import pytest
import torch

from hyperdyn.perception import YawRing
from hyperdyn.pushing.retrieval import at_yaw_zero, most_alike
from tests.pushing.pushers import generator


def rings(count, turns=16, seed=0):
    """Smooth random codes around the circle."""
    rng = generator(seed)
    angle = YawRing.turns(turns)
    waves = torch.stack([(k * angle).cos() for k in (1, 2)] + [(k * angle).sin() for k in (1, 2)])
    return torch.einsum("ekz,kr->erz", torch.randn(count, 4, 3, generator=rng), waves)


@pytest.mark.parametrize("steps", [0, 1, 5, 15])
def test_a_turned_object_is_found_with_its_turn(steps):
    known = rings(4)
    seen = YawRing(known[[2]].roll(-steps, dims=1))
    found, turn = most_alike(seen, YawRing(known))
    assert found.tolist() == [2]
    assert turn.item() == pytest.approx(steps * 2 * math.pi / 16)


def test_rings_are_told_from_yaw_zero():
    known = rings(1)
    step = 2 * math.pi / 16
    # Seen at a yaw of 3 steps: its first code is that of the object turned by 3.
    seen = YawRing(known.roll(-3, dims=1))
    straight = at_yaw_zero(seen, torch.tensor([3 * step]))
    torch.testing.assert_close(straight.codes, known, rtol=1e-4, atol=1e-4)
