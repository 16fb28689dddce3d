"""Scores of perception: a perfect reader gets full marks, an untrained one does not."""

import json
import math

import pytest
import torch

pytest.importorskip("pybullet")

from hyperdyn.errors import InputError
from hyperdyn.perception import Detections, VisualEncoder, match
from hyperdyn.training.pushing import PushingDataset
from hyperdyn.training.pushing.perception_scores import score_collection
from hyperdyn.training.pushing.visual_batches import targets_of
from tests.training.visual_collections import SMALL, collection


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores") / "scenes"
    return PushingDataset(collection(folder, "shapes", shards=2, rows=6))


def build() -> VisualEncoder:
    return VisualEncoder(SMALL.encoder, generator=torch.Generator().manual_seed(0))


def test_a_reader_that_knows_the_truth_gets_full_marks(scenes, monkeypatch):
    images = [scenes.read_images(shard) for shard in scenes.shards]
    truth = [targets_of(part, SMALL.encoder.view_size) for part in images]
    encoder = build()
    read = iter(truth)
    current = []

    def decode(raw):
        current[:] = [next(read)]
        boxes = current[0].boxes.clone()
        boxes[..., 0] += 0.002  # 2 mm to the right
        return Detections(boxes, current[0].present.float())

    monkeypatch.setattr(encoder.detector, "decode", decode)
    monkeypatch.setattr(encoder, "codes", lambda features: features[:, :8, 0, 0])
    monkeypatch.setattr(encoder, "decode", lambda codes: current[0].top_down)
    score = score_collection(encoder, scenes)
    whole = score.overall
    assert (whole.recall, whole.precision, whole.exact_count, whole.view_iou) == (1, 1, 1, 1)
    assert whole.centre_error_mm == pytest.approx(2.0, abs=1e-3)
    assert 0.9 < whole.box_iou < 1
    assert whole.scenes == 12
    assert whole.objects == sum(int(part.present.sum()) for part in truth)
    assert sorted(score.by_camera) == [0, 1]
    assert sum(part.scenes for part in score.by_camera.values()) == 12


def test_the_scores_of_an_untrained_reader_are_json(scenes):
    score = score_collection(build(), scenes, limit=7)
    assert score.overall.scenes == 7
    assert score.overall.recall < 0.5
    told = json.loads(json.dumps(score.to_json(), allow_nan=False))
    assert told["overall"]["scenes"] == 7
    assert math.isnan(score.overall.view_iou) == (told["overall"]["view_iou"] is None)


def test_nothing_to_score_is_refused(scenes):
    with pytest.raises(InputError, match="leave no picture"):
        score_collection(build(), scenes, limit=0)
    with pytest.raises(InputError, match="leave no picture"):
        score_collection(build(), scenes, shards=())


def test_one_object_is_matched_once():
    box = torch.tensor([0.0, 0, 0.05, 0.1, 0.1, 0.1])
    away = box + torch.tensor([0.5, 0, 0, 0, 0, 0])
    found = Detections(torch.stack([box, box, away])[None], torch.tensor([[0.9, 0.8, 0.7]]))
    true = torch.stack([away, box])[None]
    assert match(found, true, torch.tensor([[True, True]])).tolist() == [[1, -1, 0]]
    assert match(found, true, torch.tensor([[False, True]])).tolist() == [[1, -1, -1]]
