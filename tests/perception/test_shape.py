"""The shape encoder and the view decoder learn shapes, and mixing is the same at every turn."""

import pytest
import torch
from torch.nn import functional

from hyperdyn.perception import PerceptionError, ShapeEncoder, ViewDecoder, turn

SHAPE = (12, 16, 16)


def build(rng: torch.Generator) -> ShapeEncoder:
    return ShapeEncoder(2, SHAPE, mixed=16, widths=(16, 32, 32), code_dim=8, generator=rng)


def outlines(size: int) -> torch.Tensor:
    """Top-down views of four shapes."""
    axis = (torch.arange(size) + 0.5) / size - 0.5
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    shapes = [
        x.hypot(y) < 0.3,
        (x.abs() < 0.35) & (y.abs() < 0.12),
        (x > -0.3) & (y > -0.3) & (x + y < 0.1),
        (x.hypot(y) < 0.35) & (x.hypot(y) > 0.2),
    ]
    return torch.stack(shapes).float()


def test_codes_of_eight_numbers_hold_what_shapes_look_like_from_above(rng: torch.Generator):
    views = outlines(32)
    solids = functional.avg_pool2d(views[:, None], 2)[:, :, None].expand(-1, 2, 12, -1, -1)
    encoder = build(rng)
    decoder = ViewDecoder(8, 32, generator=rng)
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=8e-3)
    for _ in range(100):
        logits = decoder(encoder(encoder.mix(solids)))
        loss = functional.binary_cross_entropy_with_logits(logits, views)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    right = ((logits > 0) == (views > 0.5)).float().mean()
    assert right > 0.97


def test_first_weights_come_from_the_generator_alone():
    def built(seed: int) -> torch.Tensor:
        encoder = build(torch.Generator().manual_seed(seed))
        return torch.cat([p.flatten() for p in encoder.parameters()])

    state = torch.random.get_rng_state()
    assert torch.equal(built(0), built(0))
    assert not torch.equal(built(0), built(1))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_mixing_before_a_turn_is_mixing_after_it(rng: torch.Generator):
    encoder = build(rng)
    crops = torch.randn(5, 2, *SHAPE, generator=rng)
    yaw = torch.rand(5, generator=rng) * 6
    turned = turn(crops.flatten(1, 2), yaw).unflatten(1, (2, 12))
    with torch.no_grad():
        mixed = encoder.mix(crops)
        assert torch.allclose(turn(mixed, yaw), encoder.mix(turned), atol=1e-5)
        assert torch.allclose(encoder(mixed, yaw), encoder(encoder.mix(turned)), atol=1e-5)
        assert torch.allclose(encoder(mixed, 0 * yaw), encoder(mixed), atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 16, 8), (12, 7, 7)])
def test_crops_that_cannot_be_turned_or_pooled_are_refused(
    shape: tuple[int, int, int], rng: torch.Generator
):
    with pytest.raises(PerceptionError, match="as many along y as along x, and at least 8"):
        ShapeEncoder(2, shape, mixed=4, widths=(4, 4, 4), code_dim=8, generator=rng)
