"""Crops follow their object, and turn with it; the yaw ring against the exact path."""

import math

import pytest
import torch
from torch import Tensor

from hyperdyn.perception import (
    CropSpec,
    ShapeEncoder,
    Volume,
    YawRing,
    crop,
    turn,
    turn_images,
    yaw_of,
)

VOLUME = Volume()
SPEC = CropSpec()


def smooth(points: Tensor) -> Tensor:
    """Two blobs beside each other, one above: no symmetry at all."""
    places = torch.tensor([[0.03, 0.0, 0.0], [-0.02, 0.02, 0.02]])
    away = (points[..., None, :] - places).square().sum(-1)
    return (torch.exp(-away / 2 / 0.025**2) * torch.tensor([1.0, 0.6])).sum(-1)


def scene_at(centre: Tensor, yaw: float = 0.0) -> Tensor:
    """The blobs around a centre, turned."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    rotation = torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return smooth((VOLUME.centres() - centre) @ rotation)[None, None]


def test_a_crop_at_whole_voxels_is_a_slice_of_the_map(rng: torch.Generator):
    scene = torch.randn(1, 3, *VOLUME.shape, generator=rng)
    low = torch.tensor([10, 20, 2])  # x, y, z
    spec = CropSpec(shape=(4, 8, 8))
    middle = torch.tensor(VOLUME.origin) + VOLUME.pitch * (low + torch.tensor([4, 4, 2]))
    found = crop(scene, VOLUME, middle[None, None], spec)[0, 0]
    assert torch.allclose(found, scene[0, :, 2:6, 20:28, 10:18], atol=1e-3)


def test_a_crop_follows_its_object_and_is_empty_outside_the_map():
    centres = torch.tensor([[0.03, -0.11, 0.06], [-0.142, 0.077, 0.0633]])
    first, second = (crop(scene_at(c), VOLUME, c[None, None], SPEC)[0, 0] for c in centres)
    assert (first - second).abs().max() < 0.03
    far = torch.tensor([[[3.0, 0.0, 0.0]]])
    assert crop(scene_at(centres[0]), VOLUME, far, SPEC).abs().max() == 0


@pytest.mark.parametrize("yaw", [0.5, -2.0, math.pi / 2])
def test_turning_a_crop_shows_the_object_as_if_it_stood_turned(yaw: float):
    centre = torch.tensor([0.05, -0.03, 0.08])
    seen = crop(scene_at(centre), VOLUME, centre[None, None], SPEC)[0, 0, 0][None]
    stood_turned = crop(scene_at(centre, yaw), VOLUME, centre[None, None], SPEC)[0, 0, 0][None]
    assert (seen - stood_turned).abs().max() > 0.3
    assert (turn(seen, torch.tensor([yaw])) - stood_turned).abs().max() < 0.06


def test_quarter_turns_are_undone_exactly(rng: torch.Generator):
    features = torch.randn(3, 2, 16, 16, generator=rng)
    yaw = torch.tensor([0.5, 1.0, -0.5]) * math.pi
    turned = turn(features, yaw)
    assert torch.allclose(turned[0], features[0].rot90(1, (2, 1)), atol=1e-4)
    assert torch.allclose(turn(turned, -yaw), features, atol=1e-4)


def test_any_turn_is_undone_up_to_interpolation():
    content = smooth(SPEC.offsets())[None]
    yaw = torch.tensor([0.7])
    back = turn(turn(content, yaw), -yaw)
    inner = SPEC.offsets()[0, ..., :2].norm(dim=-1) < 0.07
    assert (back - content)[0, :, inner].abs().max() < 0.09


def test_corners_turned_in_are_empty():
    turned = turn(torch.ones(1, 1, 16, 16), torch.tensor([math.pi / 4]))[0, 0]
    assert turned[0, 0] == turned[-1, 0] == turned[0, -1] == turned[-1, -1] == 0
    assert (turned[4:12, 4:12] - 1).abs().max() < 1e-5


def test_images_turn_the_way_objects_do():
    content = smooth(SPEC.offsets())[5]
    yaw = torch.tensor([0.9])
    turned = turn(content[None, None], yaw)[0, 0]
    picture = content.flip(0)  # rows of a picture fall with y
    assert torch.allclose(turn_images(picture[None], yaw)[0].flip(0), turned, atol=1e-5)


def test_the_yaw_of_a_quaternion(rng: torch.Generator):
    yaw = torch.rand(20, generator=rng) * 6 - 3
    upright = torch.stack([0 * yaw, 0 * yaw, (yaw / 2).sin(), (yaw / 2).cos()], dim=-1)
    assert torch.allclose(yaw_of(upright), yaw, atol=1e-5)
    assert torch.allclose(yaw_of(-upright), yaw, atol=1e-5)


def exact_codes(rng: torch.Generator) -> tuple[Tensor, Tensor, YawRing]:
    """Codes of the exact path at random turns, and a ring of 32."""
    encoder = ShapeEncoder(1, SPEC.shape, mixed=8, widths=(16, 32, 32), code_dim=8, generator=rng)
    centre = torch.tensor([0.0, 0.0, 0.08])
    with torch.no_grad():
        features = encoder.mix(crop(scene_at(centre), VOLUME, centre[None, None], SPEC)[0])

        def codes(turns: Tensor) -> Tensor:
            return encoder(features.expand(len(turns), -1, -1, -1), turns)[None]

        yaw = torch.rand(50, generator=rng) * 20 - 10
        return yaw[None], codes(yaw), YawRing(codes(YawRing.turns(32)))


def test_the_ring_gives_its_own_codes_at_its_own_turns(rng: torch.Generator):
    ring = YawRing(torch.randn(2, 12, 8, generator=rng))
    turns = YawRing.turns(12).expand(2, -1)
    for rounds in (-2, 0, 1):
        assert torch.allclose(ring.at(turns + rounds * 2 * math.pi), ring.codes, atol=1e-4)


def test_the_ring_is_near_the_exact_path_between_its_turns(rng: torch.Generator):
    yaw, exact, ring = exact_codes(rng)
    assert ring.error(yaw, exact) < 0.1
    assert ring.error(yaw + 0.5, exact) > 0.3
