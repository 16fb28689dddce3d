"""Overlap and suppression against the plain definitions; detections by scene."""

import pytest
import torch

from hyperdyn.perception import (
    Detections,
    Detector,
    DetectorConfig,
    NoObjectError,
    SeveralObjectsError,
    Volume,
    from_corners,
    iou,
    score_detections,
    suppress,
)


def random_boxes(*shape: int, rng: torch.Generator) -> torch.Tensor:
    centres = torch.rand(*shape, 3, generator=rng) * 0.3
    return torch.cat([centres, 0.05 + 0.1 * torch.rand(*shape, 3, generator=rng)], dim=-1)


def slow_iou(a: list[float], b: list[float]) -> float:
    shared = 1.0
    for axis in range(3):
        low = max(a[axis] - a[axis + 3] / 2, b[axis] - b[axis + 3] / 2)
        high = min(a[axis] + a[axis + 3] / 2, b[axis] + b[axis + 3] / 2)
        shared *= max(0.0, high - low)
    return shared / (a[3] * a[4] * a[5] + b[3] * b[4] * b[5] - shared)


def test_overlap_is_shared_volume_over_covered_volume(rng: torch.Generator):
    first, second = random_boxes(5, rng=rng), random_boxes(7, rng=rng)
    found = iou(first, second)
    for i, a in enumerate(first.tolist()):
        for j, b in enumerate(second.tolist()):
            assert float(found[i, j]) == pytest.approx(slow_iou(a, b), abs=1e-5)
    assert torch.allclose(iou(first, first).diagonal(), torch.ones(5))


def test_corners_become_centre_and_size():
    corners = torch.tensor([[-0.1, 0.2, 0.0, 0.1, 0.3, 0.06]])
    expected = torch.tensor([[0.0, 0.25, 0.03, 0.2, 0.1, 0.06]])
    assert torch.allclose(from_corners(corners), expected)


def test_suppression_is_the_greedy_one(rng: torch.Generator):
    boxes, scores = random_boxes(6, 40, rng=rng), torch.rand(6, 40, generator=rng)
    scores[:, ::7] = -torch.inf
    found = suppress(boxes, scores, 0.2)
    dropped = 0
    for scene in range(6):
        kept: list[int] = []
        for index in scores[scene].argsort(descending=True).tolist():
            if scores[scene, index] == -torch.inf:
                continue
            own = boxes[scene, index].tolist()
            if all(slow_iou(own, boxes[scene, k].tolist()) <= 0.2 for k in kept):
                kept.append(index)
            else:
                dropped += 1
        assert found[scene].nonzero()[:, 0].tolist() == sorted(kept)
    assert dropped > 10


@pytest.fixture
def detector(rng: torch.Generator) -> Detector:
    return Detector(Volume(shape=(4, 16, 16), pitch=0.05), 8, DetectorConfig(), generator=rng)


def test_perfect_answers_decode_to_the_true_boxes(detector: Detector):
    boxes = torch.tensor(
        [[[0.1, -0.2, 0.05, 0.1, 0.3, 0.1], [-0.2, 0.2, 0.03, 0.06, 0.06, 0.06]]]
    ).repeat(2, 1, 1)
    present = torch.tensor([[True, True], [True, False]])
    positive, negative, target = detector.assign(boxes, present)
    assert not (positive & negative).any()
    logits = torch.where(positive, 4.0, -4.0)[..., None]
    found = detector.decode(torch.cat([logits, target], dim=-1))
    assert found.counts.tolist() == [2, 1]
    assert (iou(found.of(0), boxes[0]).amax(0) > 0.999).all()
    assert torch.allclose(found.of(1)[0], boxes[1, 0], atol=1e-5)
    score = score_detections(found, boxes, present)
    assert (score.recall, score.precision) == (1, 1)
    assert score.centre_error < 1e-5


def test_every_object_owns_a_column_however_small_and_wherever_it_stands(
    detector: Detector, rng: torch.Generator
):
    boxes = torch.full((200, 1, 6), 0.01)
    boxes[..., :2] = torch.rand(200, 1, 2, generator=rng) * 0.7 - 0.35
    positive, _, _ = detector.assign(boxes, torch.ones(200, 1, dtype=torch.bool))
    assert positive.any(-1).all()


def test_losses_fall_to_nothing_for_perfect_answers_and_count_both_kinds_of_error(
    detector: Detector,
):
    boxes = torch.tensor([[[0.1, -0.2, 0.05, 0.1, 0.3, 0.1]]])
    present = torch.tensor([[True]])
    positive, _, target = detector.assign(boxes, present)
    right = torch.cat([torch.where(positive, 20.0, -20.0)[..., None], target], dim=-1)
    objectness, box = detector.losses(right, boxes, present)
    assert max(float(objectness), float(box)) < 1e-5
    for sign in (1.0, -1.0):  # a false alarm everywhere, and a blank
        wrong = right.clone()
        wrong[..., 0] = 20 * sign
        assert float(detector.losses(wrong, boxes, present)[0]) > 5
    shifted = right.clone()
    shifted[..., 3] += 1.0
    assert float(detector.losses(shifted, boxes, present)[1]) > 0.5


def test_a_scene_without_objects_trains_on_background_alone(detector: Detector):
    raw = torch.zeros(1, 256, 7, requires_grad=True)
    nothing = torch.zeros(1, 2, dtype=torch.bool)
    objectness, box = detector.losses(raw, torch.zeros(1, 2, 6), nothing)
    assert float(box.detach()) == 0
    objectness.sum().backward()
    assert torch.isfinite(raw.grad).all()
    assert (raw.grad[..., 0] > 0).all()


def test_answers_that_are_not_finite_are_no_detections(detector: Detector):
    assert detector.decode(torch.full((1, 256, 7), torch.nan)).counts.tolist() == [0]


def test_one_object_is_told_from_none_and_from_several():
    scores = torch.tensor([[0.9, 0.0], [0.9, 0.8]])
    boxes = torch.zeros(2, 2, 6)
    boxes[1, 1, 0] = 0.2
    both = Detections(boxes, scores)
    assert torch.equal(Detections(boxes[:1], scores[:1]).one(), boxes[:1, 0])
    with pytest.raises(SeveralObjectsError, match="2 objects in scene 1"):
        both.one()
    with pytest.raises(NoObjectError, match="No object in view in scene 0"):
        Detections(boxes, scores * 0).one()
    positions = torch.tensor([[0.3, 0.0, 0.0], [0.3, 0.0, 0.0]])
    assert torch.equal(both.nearest(positions)[:, 0], torch.tensor([0.0, 0.2]))
    with pytest.raises(NoObjectError):
        Detections(boxes, scores * 0).nearest(positions)


def test_a_detection_matches_one_object_only():
    boxes = torch.tensor([[[0, 0, 0.05, 0.1, 0.1, 0.1], [0.3, 0, 0.05, 0.1, 0.1, 0.1]]])
    twice = Detections(boxes[:, [0, 0]], torch.tensor([[0.9, 0.8]]))
    score = score_detections(twice, boxes, torch.ones(1, 2, dtype=torch.bool))
    assert (score.recall, score.precision) == (0.5, 0.5)
