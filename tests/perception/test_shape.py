"""The shape encoder and the view decoder learn shapes; both forms of the encoder work."""

import pytest
import torch
from torch.nn import functional

from hyperdyn.perception import ShapeEncoder, ViewDecoder
from hyperdyn.perception.shape import Form


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


@pytest.mark.parametrize(
    ("form", "widths"), [("slices", (16, 32, 32)), ("3d", (2, 4, 8))], ids=["slices", "3d"]
)
def test_codes_of_eight_numbers_hold_what_shapes_look_like_from_above(
    form: Form, widths: tuple[int, int, int], rng: torch.Generator
):
    views = outlines(32)
    solids = functional.avg_pool2d(views[:, None], 2)[:, :, None].expand(-1, 2, 12, -1, -1)
    encoder = ShapeEncoder(2, (12, 16, 16), widths=widths, code_dim=8, form=form, generator=rng)
    decoder = ViewDecoder(8, 32, generator=rng)
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=8e-3)
    for _ in range(100):
        logits = decoder(encoder(solids))
        loss = functional.binary_cross_entropy_with_logits(logits, views)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    right = ((logits > 0) == (views > 0.5)).float().mean()
    assert right > 0.97


def test_first_weights_come_from_the_generator_alone():
    def built(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        encoder = ShapeEncoder(
            2, (12, 16, 16), widths=(2, 4, 8), code_dim=8, form="slices", generator=generator
        )
        return torch.cat([p.flatten() for p in encoder.parameters()])

    state = torch.random.get_rng_state()
    assert torch.equal(built(0), built(0))
    assert not torch.equal(built(0), built(1))
    assert torch.equal(torch.random.get_rng_state(), state)
