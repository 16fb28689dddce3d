"""Training of the visual encoder: it learns, resumes to the same bits, and reads what it should."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytest.importorskip("pybullet")

from hyperdyn.errors import CheckpointError, HyperdynError, InputError
from hyperdyn.perception import VisualEncoder
from hyperdyn.pushing.visual_storage import load_visual_encoder, save_visual_encoder
from hyperdyn.storage import is_written
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.pushing import PushingDataset, ShardError
from hyperdyn.training.pushing.recording import images_folder
from hyperdyn.training.pushing.visual import RESULT, train_visual
from hyperdyn.training.pushing.visual_batches import (
    BatchStream,
    disturbed,
    targets_of,
    views_of,
)
from tests.training.visual_collections import SMALL, collection, small

ROOT = Path(__file__).resolve().parents[2]

KILLED = """
import sys
from pathlib import Path
from hyperdyn.training.pushing import visual
from tests.training.visual_collections import SMALL
visual.CHECKPOINT_SECONDS = 0.0
visual.train_visual(SMALL, *map(Path, sys.argv[1:4]))
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A collection of pushes and one of scenes."""
    folder = tmp_path_factory.mktemp("pictures")
    return collection(folder / "pushes", "push"), collection(folder / "scenes", "shapes")


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """A run that nobody disturbed, and its encoder."""
    out = tmp_path_factory.mktemp("run") / "whole"
    return out, train_visual(SMALL, *pictures, out)


def equal(a: VisualEncoder, b: VisualEncoder) -> bool:
    first, second = a.state_dict(), b.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_loss_that_is_not_finite_ends_the_training(pictures, tmp_path):
    with pytest.raises(HyperdynError, match="not finite in update 2"):
        train_visual(small(learning_rate=1e30), *pictures, tmp_path / "run")
    assert not is_written(tmp_path / "run" / RESULT)


def test_training_reduces_both_losses_and_tells_so(pictures, tmp_path):
    train_visual(small(frames=160, learning_rate=4e-3), *pictures, tmp_path / "run")
    rows = read_metrics(tmp_path / "run")
    assert len(rows) == 10
    assert rows[-1]["frames"] == 160
    for kind in ("pushes", "scenes"):
        assert rows[-1][f"{kind}_detection"] < 0.5 * rows[0][f"{kind}_detection"]
        assert rows[-1][f"{kind}_view"] < 0.9 * rows[0][f"{kind}_view"]
        assert rows[-1][f"validation_{kind}_detection"] > 0
    rates = [row["learning_rate"] for row in rows]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 1e-2 * rates[0]


def test_a_killed_run_resumes_to_the_same_weights(pictures, trained, tmp_path):
    out = tmp_path / "killed"
    words = [sys.executable, "-c", KILLED, *map(str, pictures), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not read_metrics(out) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert read_metrics(out)
    assert not (out / RESULT).exists()
    resumed = train_visual(SMALL, *pictures, out, resume=True)
    assert equal(resumed, trained[1])
    assert [row["iteration"] for row in read_metrics(out)] == [0, 1, 2]


def test_the_result_is_read_back_bit_for_bit(pictures, trained, tmp_path):
    out, model = trained
    loaded = load_visual_encoder(out / RESULT)
    assert loaded.config == SMALL.encoder
    assert equal(loaded, model)
    save_visual_encoder(loaded, tmp_path / "again")
    assert equal(load_visual_encoder(tmp_path / "again"), model)
    views = views_of(PushingDataset(pictures[0]).read_images(0))
    with torch.no_grad():
        assert torch.equal(loaded(views).map, model(views).map)


def test_a_run_is_gone_on_with_by_its_own_settings_alone(pictures, trained):
    out, _ = trained
    with pytest.raises(CheckpointError, match="not empty"):
        train_visual(SMALL, *pictures, out)
    with pytest.raises(CheckpointError, match=r"other settings \(seed\)"):
        train_visual(small(seed=1), *pictures, out, resume=True)
    with pytest.raises(CheckpointError, match="no run to resume"):
        train_visual(SMALL, *pictures, out / "none", resume=True)


def test_labels_are_what_the_pictures_show(pictures):
    images = PushingDataset(pictures[1]).read_images(0)
    targets = targets_of(images, 32)
    assert torch.allclose(targets.boxes[..., :3] * 2, images.boxes[..., :3] + images.boxes[..., 3:])
    assert (targets.boxes[targets.present][:, 3:] > 0).all()
    # The view's extent along x and y is the box's: rows fall with y, columns rise with x.
    for box, view in zip(
        targets.boxes[targets.present], targets.top_down[targets.present], strict=True
    ):
        covered = view > 0.5
        pixel = SMALL.encoder.view_extent / 32
        for axis, size in ((0, box[3]), (1, box[4])):
            assert float(covered.any(axis).sum()) * pixel == pytest.approx(float(size), abs=0.012)
    assert not targets_of(images, 32, detect=False).detect.any()


def test_every_picture_is_read_once_a_pass_and_in_another_order_in_the_next(pictures):
    dataset = PushingDataset(pictures[0])
    stream = BatchStream(dataset, dataset.shards[:2], 4, seed=3, stream=0)
    passes = [torch.cat([stream.batch(4 * p + i).boxes for i in range(4)]) for p in range(2)]
    everything = torch.cat([dataset.read_images(shard).boxes for shard in (0, 1)])
    for boxes in passes:
        assert torch.equal(boxes.flatten().sort().values, everything.flatten().sort().values)
    assert not torch.equal(*passes)
    # A batch does not depend on how the run came to it.
    fresh = BatchStream(dataset, dataset.shards[:2], 4, seed=3, stream=0)
    assert torch.equal(fresh.batch(6).rgb, stream.batch(6).rgb)


def test_disturbing_changes_colours_and_measured_depth_alone(pictures, rng):
    views = views_of(PushingDataset(pictures[0]).read_images(0))
    views.depth[:, :, :3] = 0
    other = disturbed(views, small(colour=0.3, depth_noise=0.002), rng)
    assert (other.depth[:, :, :3] == 0).all()
    noise = (other.depth - views.depth)[:, :, 3:]
    assert 0.0018 < float(noise.std()) < 0.0022
    assert 0.1 < float((other.rgb - views.rgb).abs().max()) < 0.31
    assert 0 <= float(other.rgb.min()) <= float(other.rgb.max()) <= 1
    assert torch.equal(disturbed(views, small(colour=0.0, depth_noise=0.0), rng).rgb, views.rgb)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 3}, "do not fill one batch"),
        ({"batch": 0}, "batch must be at least 1"),
        ({"learning_rate": 0.0}, "must be positive"),
        ({"colour": 1.0}, "colour must be from 0 to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        small(**changes)


def test_unsuitable_collections_are_refused(pictures, tmp_path):
    pushes, scenes = pictures
    with pytest.raises(InputError, match="one of 'push'"):
        train_visual(SMALL, scenes, scenes, tmp_path / "run")
    with pytest.raises(InputError, match="kept for validation"):
        train_visual(small(held_out=3), pushes, scenes, tmp_path / "run")
    with pytest.raises(InputError, match="fills a batch of 16"):
        train_visual(small(batch=16), pushes, scenes, tmp_path / "run")
    shutil.copytree(pushes, tmp_path / "spoilt")
    shutil.rmtree(images_folder(tmp_path / "spoilt", 0))
    with pytest.raises(ShardError, match="Shard 0"):
        train_visual(SMALL, tmp_path / "spoilt", scenes, tmp_path / "run")
    shutil.rmtree(tmp_path / "spoilt" / "shards" / "00002")
    with pytest.raises(InputError, match="2 of 3 shards"):
        train_visual(SMALL, tmp_path / "spoilt", scenes, tmp_path / "other")


def test_folders_that_hold_no_encoder_are_refused(trained, tmp_path):
    with pytest.raises(CheckpointError, match="has no config"):
        load_visual_encoder(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match="not a 'visual-encoder'"):
        load_visual_encoder(trained[0] / "checkpoint")
    copied = tmp_path / "copied"
    shutil.copytree(trained[0] / RESULT, copied)
    text = (copied / "config.json").read_text()
    (copied / "config.json").write_text(text.replace('"code_dim": 8', '"code_dim": 9'))
    with pytest.raises(CheckpointError, match="of this release"):
        load_visual_encoder(copied)
