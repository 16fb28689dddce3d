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
    quaternion_matrices,
    reorient,
    turn_images,
    yaw_matrices,
    yaw_of,
)

VOLUME = Volume()
SPEC = CropSpec()


def smooth(points: Tensor) -> Tensor:
    """Two blobs beside each other, one above: no symmetry at all."""
    places = torch.tensor([[0.03, 0.0, 0.0], [-0.02, 0.02, 0.02]])
    away = (points[..., None, :] - places).square().sum(-1)
    return (torch.exp(-away / 2 / 0.025**2) * torch.tensor([1.0, 0.6])).sum(-1)


def scene_at(centre: Tensor, rotation: Tensor) -> Tensor:
    """The blobs around a centre, turned."""
    return smooth((VOLUME.centres() - centre) @ rotation)[None, None]


def test_a_crop_at_whole_voxels_is_a_slice_of_the_map(rng: torch.Generator):
    scene = torch.randn(1, 3, *VOLUME.shape, generator=rng)
    low = torch.tensor([10, 20, 2])  # x, y, z
    spec = CropSpec(shape=(4, 8, 8))
    middle = torch.tensor(VOLUME.origin) + VOLUME.pitch * (low + torch.tensor([4, 4, 2]))
    found = crop(scene, VOLUME, middle[None, None], spec)[0, 0]
    assert torch.allclose(found, scene[0, :, 2:6, 20:28, 10:18], atol=1e-3)


def test_a_crop_follows_its_object_and_is_empty_outside_the_map():
    centres = torch.tensor([[0.03, -0.11, 0.06], [-0.142, 0.077, 0.0733]])
    still = torch.eye(3)
    first, second = (crop(scene_at(c, still), VOLUME, c[None, None], SPEC)[0, 0] for c in centres)
    assert (first - second).abs().max() < 0.03
    far = torch.tensor([[[3.0, 0.0, 0.0]]])
    assert crop(scene_at(centres[0], still), VOLUME, far, SPEC).abs().max() == 0


@pytest.mark.parametrize("yaw", [0.5, -2.0, math.pi / 2])
def test_turning_a_crop_shows_the_object_as_if_it_stood_turned(yaw: float):
    centre = torch.tensor([0.05, -0.03, 0.08])
    turn = yaw_matrices(torch.tensor(yaw))
    seen = crop(scene_at(centre, torch.eye(3)), VOLUME, centre[None, None], SPEC)[0]
    stood_turned = crop(scene_at(centre, turn), VOLUME, centre[None, None], SPEC)[0]
    cut_turned = crop(
        scene_at(centre, torch.eye(3)), VOLUME, centre[None, None], SPEC, turn[None, None]
    )[0]
    assert (seen - stood_turned).abs().max() > 0.3
    assert (cut_turned - stood_turned).abs().max() < 0.04
    assert (reorient(seen, turn[None]) - stood_turned).abs().max() < 0.06


def test_full_rotations_turn_crops_too():
    tilt = quaternion_matrices(torch.tensor([0.3, -0.2, 0.5, 0.8]))
    spec = CropSpec(shape=(16, 16, 16))
    content = smooth(spec.offsets())[None, None]
    expected = smooth(spec.offsets() @ tilt)[None, None]
    assert (reorient(content, tilt[None]) - expected).abs().max() < 0.06


def test_quarter_turns_are_undone_exactly(rng: torch.Generator):
    crops = torch.randn(3, 2, *SPEC.shape, generator=rng)
    turns = yaw_matrices(torch.tensor([0.5, 1.0, -0.5]) * math.pi)
    turned = reorient(crops, turns)
    assert torch.allclose(turned[0], crops[0].rot90(1, (3, 2)), atol=1e-4)
    assert torch.allclose(reorient(turned, turns.mT), crops, atol=1e-4)


def test_any_turn_is_undone_up_to_interpolation():
    content = smooth(SPEC.offsets())[None, None]
    turn = yaw_matrices(torch.tensor([0.7]))
    back = reorient(reorient(content, turn), turn.mT)
    inner = SPEC.offsets()[..., :2].norm(dim=-1) < 0.07
    assert (back - content)[0, 0][inner].abs().max() < 0.09


def test_images_turn_the_way_objects_do():
    content = smooth(SPEC.offsets())
    turn = torch.tensor([0.9])
    turned = reorient(content[None, None], yaw_matrices(turn))[0, 0, 5]
    picture = content[5].flip(0)  # rows of a picture fall with y
    assert torch.allclose(turn_images(picture[None], turn)[0].flip(0), turned, atol=1e-5)


def test_quaternions_yaw_and_matrices_agree(rng: torch.Generator):
    yaw = torch.rand(20, generator=rng) * 6 - 3
    upright = torch.stack([0 * yaw, 0 * yaw, (yaw / 2).sin(), (yaw / 2).cos()], dim=-1)
    assert torch.allclose(quaternion_matrices(upright * 3), yaw_matrices(yaw), atol=1e-5)
    assert torch.allclose(yaw_of(upright), yaw, atol=1e-5)


def exact_codes(rng: torch.Generator) -> tuple[Tensor, Tensor, YawRing]:
    """Codes of the exact path at random turns, and a ring of 36."""
    encoder = ShapeEncoder(
        1, SPEC.shape, widths=(16, 32, 32), code_dim=8, form="slices", generator=rng
    )
    scene = scene_at(torch.tensor([0.0, 0.0, 0.08]), torch.eye(3))
    centre = torch.tensor([[0.0, 0.0, 0.08]])

    def codes(turns: Tensor) -> Tensor:
        places = centre.expand(1, turns.shape[1], 3)
        crops = crop(scene, VOLUME, places, SPEC, yaw_matrices(turns))[0]
        return encoder(crops)[None]

    with torch.no_grad():
        yaw = torch.rand(1, 50, generator=rng) * 20 - 10
        return yaw, codes(yaw), YawRing(codes(YawRing.turns(36)[None]))


def test_the_ring_gives_its_own_codes_at_its_own_turns(rng: torch.Generator):
    ring = YawRing(torch.randn(2, 12, 8, generator=rng))
    turns = YawRing.turns(12).expand(2, -1)
    for rounds in (-2, 0, 1):
        assert torch.allclose(ring.at(turns + rounds * 2 * math.pi), ring.codes, atol=1e-4)


def test_the_ring_is_near_the_exact_path_between_its_turns(rng: torch.Generator):
    yaw, exact, ring = exact_codes(rng)
    assert ring.error(yaw, exact) < 0.1
    assert ring.error(yaw + 0.5, exact) > 0.3
