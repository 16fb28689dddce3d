"""The whole encoder: learns a handful of scenes, keeps its losses apart, and is deterministic."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hyperdyn.perception import (
    DetectorConfig,
    Views,
    VisualConfig,
    VisualEncoder,
    VisualTargets,
    Volume,
    score_detections,
)
from tests.perception.scenes import random_bodies, targets_of, views_of

# Coarser than the default, so that seconds of training are enough.
SMALL = VisualConfig(
    volume=Volume(shape=(8, 32, 32), pitch=0.025),
    image_channels=(8, 16),
    image_features=4,
    map_widths=(32, 48),
    map_channels=4,
    detector=DetectorConfig(positive=0.6),
)


def build(seed: int = 0) -> VisualEncoder:
    return VisualEncoder(SMALL, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def batch() -> tuple[Views, VisualTargets]:
    rng = np.random.default_rng(3)
    scenes = [random_bodies(rng, count) for count in (1, 2, 3, 0)]
    return views_of(scenes, rng.uniform(0, 6.28, (4, 2)), size=64), targets_of(scenes)


def test_a_handful_of_scenes_is_learnt_in_seconds(batch: tuple[Views, VisualTargets]):
    views, targets = batch[0].select(slice(0, 1)), batch[1]
    model = build()
    optimiser = torch.optim.Adam(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [50], gamma=0.2)
    for _ in range(70):
        losses = model.losses(model(views), targets)
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        scene = model(views)
        losses = model.losses(scene, targets)
    score = score_detections(scene.detections, targets.boxes, targets.present)
    assert score.recall == 1
    assert score.precision == 1
    assert score.centre_error < 0.01
    assert score.mean_iou > 0.6
    assert float(losses.view) < 0.15
    assert scene.detections.counts.tolist() == [1, 2, 3, 0]


def test_gradients_reach_every_weight(batch: tuple[Views, VisualTargets]):
    views, targets = batch
    model = build()
    model.losses(model(views), targets, generator=torch.Generator().manual_seed(0)).total.backward()
    silent = [
        name for name, p in model.named_parameters() if p.grad is None or not bool(p.grad.any())
    ]
    assert not silent


def test_shape_only_scenes_train_the_view_loss_alone(batch: tuple[Views, VisualTargets]):
    views, targets = batch
    model = build()
    shapes = replace(targets, detect=torch.zeros(4, dtype=torch.bool))
    losses = model.losses(model(views), shapes)
    assert float(losses.detection.detach()) == 0
    losses.total.backward()
    assert not any(p.grad is not None and bool(p.grad.any()) for p in model.detector.parameters())
    assert all(bool(p.grad.any()) for p in model.image_encoder.parameters())


def test_scenes_without_view_labels_train_detection_alone(batch: tuple[Views, VisualTargets]):
    views, targets = batch
    model = build()
    losses = model.losses(model(views), replace(targets, has_view=~targets.present & False))
    assert float(losses.view) == 0
    assert float(losses.detection.detach()) > 0
    losses.total.backward()
    assert all(p.grad is None for p in model.view_decoder.parameters())


def test_losses_of_scenes_left_out_change_nothing(batch: tuple[Views, VisualTargets]):
    views, targets = batch
    model = build().eval()
    with torch.no_grad():
        scene = model(views)
        some = replace(targets, detect=torch.tensor([True, False, True, True]))
        moved = some.boxes.clone()
        moved[1, :, :2] += 0.1
        first = model.losses(scene, some).detection
        assert torch.equal(model.losses(scene, replace(some, boxes=moved)).detection, first)
        assert not torch.equal(
            model.losses(scene, replace(targets, boxes=moved)).detection,
            model.losses(scene, targets).detection,
        )


def test_codes_follow_boxes_turns_and_scenes(batch: tuple[Views, VisualTargets]):
    views, targets = batch
    model = build()
    with torch.no_grad():
        scene = model(views)
        features = model.features(scene.map, targets.boxes)
        assert features.shape == (4, 3, 16, 16, 16)
        flat = features.flatten(0, 1)
        codes = model.codes(flat).unflatten(0, (4, 3))
        assert codes.shape == (4, 3, 8)
        alone = model.codes(model.features(model(views[2]).map, targets.boxes[2:3, 1:2])[0])
        assert torch.allclose(alone[0], codes[2, 1], atol=1e-4)
        turned = model.codes(flat, torch.full((12,), 1.3)).unflatten(0, (4, 3))
        assert (turned - codes)[targets.present].abs().max() > 1e-3
        seen = model.decode(codes)
        assert seen.shape == (4, 3, 32, 32)
        assert ((seen >= 0) & (seen <= 1)).all()


def test_the_ring_holds_the_exact_codes_of_each_object(batch: tuple[Views, VisualTargets]):
    views, targets = batch
    model = build()
    with torch.no_grad():
        features = model.features(model(views).map, targets.boxes[:, :1])[:, 0]
        ring = model.ring(features, count=12)
        assert ring.codes.shape == (4, 12, 8)
        assert (ring.codes[0] - ring.codes[1]).abs().max() > 1e-3
        for place, yaw in enumerate(ring.turns(12)):
            exact = model.codes(features, yaw.expand(4))
            assert torch.allclose(ring.codes[:, place], exact, atol=1e-5)
            assert torch.allclose(ring.at(yaw.expand(4, 1))[:, 0], exact, atol=1e-4)


def test_same_seeds_give_the_same_numbers(batch: tuple[Views, VisualTargets]):
    views, targets = batch

    def loss() -> float:
        model = build(5)
        with torch.no_grad():
            rng = torch.Generator().manual_seed(1)
            return float(model.losses(model(views), targets, generator=rng).total)

    assert loss() == loss()


def test_the_order_of_views_does_not_matter(batch: tuple[Views, VisualTargets]):
    views, _ = batch
    swapped = Views(
        views.rgb.flip(1), views.depth.flip(1), views.intrinsics.flip(1), views.poses.flip(1)
    )
    model = build()
    with torch.no_grad():
        assert torch.allclose(model(views).map, model(swapped).map, atol=1e-4)
