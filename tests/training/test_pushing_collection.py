"""Collections: the same numbers however they came about, and damage that stays where it is."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("pybullet")

from hyperdyn.assets.objects import TRAINING_IDS, load_object, varied_object
from hyperdyn.envs.pushing import VIEWS
from hyperdyn.errors import CheckpointError, HyperdynError, InputError, UnknownNameError
from hyperdyn.training.pushing import CollectConfig, PushingDataset, ShardError, collect, recording
from hyperdyn.training.pushing.recording import make_env, motion_folder, record_shard

ROOT = Path(__file__).resolve().parents[2]
SMALL = CollectConfig(episodes=7, pushes=2, shard_episodes=2, images=True, seed=3)

KILLED = """
import sys
from pathlib import Path
from hyperdyn.training.pushing import CollectConfig, collect
if __name__ == "__main__":
    config = CollectConfig(episodes=7, pushes=2, shard_episodes=2, images=True, seed=3)
    collect(config, Path(sys.argv[1]), workers=2)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A collection that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "data"
    counts = []
    dataset = collect(SMALL, out, workers=1, on_episodes=counts.append)
    assert sum(counts) == 7
    return dataset


@pytest.fixture
def copied(whole, tmp_path):
    """A collection to spoil."""
    shutil.copytree(whole.folder, tmp_path / "data")
    return PushingDataset(tmp_path / "data")


def equal(a, b):
    first, second = a.tensors(), b.tensors()
    return all(torch.equal(first[name], second[name]) for name in first)


def assert_same(dataset, other):
    assert dataset.shards == other.shards == (0, 1, 2, 3)
    for shard in dataset.shards:
        assert equal(dataset.read(shard), other.read(shard))
        assert equal(dataset.read_images(shard), other.read_images(shard))


def test_episodes_are_raw_and_whole(whole):
    data = whole.read_all()
    assert len(data) == 7
    assert data.states.shape == (7, 3, 16)
    assert data.actions.shape == (7, 2, 3)
    assert data.states.isfinite().all()
    assert (data.lengths[data.complete] == 2).all()
    assert ((300 <= data.masses) & (data.masses <= 1000)).all()
    assert ((8e-4 <= data.frictions) & (data.frictions <= 12e-4)).all()
    for values in (data.objects, data.masses, data.frictions):
        assert torch.equal(values[0:6:2], values[1:6:2])  # two episodes in a row are one system's
    assert len(torch.unique(data.masses)) == len(torch.unique(data.frictions)) == 4
    assert not torch.allclose(data.states[0, 0], data.states[1, 0])
    assert whole.object_ids == TRAINING_IDS
    lengths = 0.06 * data.actions.norm(dim=-1)[data.complete]
    assert ((lengths > 0.0299) & (lengths < 0.0601)).all()
    moved = data.states[:, 1:, 13:15] - data.states[:, :-1, 13:15]
    free = (data.states[:, 1:, :2] - data.states[:, :-1, :2]).norm(dim=-1) < 1e-4
    free &= data.complete[:, None]
    np.testing.assert_allclose(moved[free], 0.06 * data.actions[free][:, :2], atol=3e-4)


def test_pictures_belong_to_the_beginning_of_their_episodes(whole):
    data, images = whole.read(0), whole.read_images(0)
    assert images.rgb.shape == (2, 128, 128, 3)
    assert images.depth_tenths.dtype == torch.uint16
    for row in range(2):
        camera = VIEWS[int(images.views[row])]
        np.testing.assert_allclose(images.poses[row], camera.pose, atol=1e-6)
        np.testing.assert_allclose(images.intrinsics[row], camera.intrinsics, rtol=1e-6)
        low, high = images.boxes[row, 0].split(3)
        position = data.states[row, 0, :3]
        assert ((low < position) & (position < high)).all()
        shape = load_object(whole.object_ids[int(data.objects[row])])
        covered = images.top_down[row, 0].float().mean() * 0.18**2
        straight = shape.footprint(256, 0.18).mean() * 0.18**2
        assert float(covered) == pytest.approx(straight, rel=0.05)
    assert float(images.depth.max()) < 2.0
    table = images.depth[:, 100, 64]
    assert ((table > 0.7) & (table < 1.2)).all()


def test_a_collection_killed_at_any_moment_goes_on_without_loss(whole, tmp_path):
    script, out = tmp_path / "killed.py", tmp_path / "data"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(script), str(out)], env=environment)
    deadline = time.monotonic() + 120
    while not list(out.glob("shards/[0-9]*[0-9]/config.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1.0)  # its workers notice
    before = PushingDataset(out)
    assert 1 <= len(before.shards) < 4
    stamps = {shard: motion_folder(out, shard).stat().st_mtime_ns for shard in before.shards}
    counts = []
    after = collect(SMALL, out, workers=2, on_episodes=counts.append)
    assert sum(counts) == 7
    assert_same(after, whole)
    for shard, stamp in stamps.items():
        assert motion_folder(out, shard).stat().st_mtime_ns == stamp


def test_an_episode_does_not_depend_on_those_before_it(whole):
    env = make_env(SMALL)
    record_shard(dataclasses.replace(SMALL, seed=99), 0, env)
    episodes, images = record_shard(SMALL, 2, env)
    env.close()
    assert equal(episodes, whole.read(2))
    assert equal(images, whole.read_images(2))


def test_cut_episodes_are_kept_up_to_the_push_that_ended_them(monkeypatch):
    monkeypatch.setattr(recording, "PushingPolicy", PushToTheEdge)
    config = CollectConfig(episodes=4, pushes=12, shard_episodes=4)
    env = make_env(config)
    episodes, images = record_shard(config, 0, env)
    env.close()
    assert images is None
    cut = episodes.endings == 1
    assert cut.any()
    assert (episodes.lengths[cut] < 12).all()
    for row in torch.nonzero(cut)[:, 0].tolist():
        kept = episodes.states[row, : int(episodes.lengths[row]) + 1, :2]
        assert (kept.abs() <= 0.3).all()


class PushToTheEdge:
    """Always 6 cm at the object's centre."""

    def act(self, rod, box, rng):
        way = (box[:2] + box[3:5]) / 2 - rod[:2]
        return np.append(way / np.linalg.norm(way), 0.0)


def test_the_reader_counts_how_episodes_ended(whole):
    endings = whole.endings()
    assert sum(endings.values()) == 7
    assert endings["complete"] == int(whole.read_all().complete.sum())


@pytest.mark.parametrize("split", ["seen", "novel"])
def test_shape_only_data_shows_some_objects_from_anywhere_and_pushes_none(tmp_path, split):
    config = CollectConfig(episodes=8, kind="shapes", split=split, shard_episodes=8)
    dataset = collect(config, tmp_path / "shapes", workers=1)
    data, images = dataset.read(0), dataset.read_images(0)
    assert data.actions.shape == (8, 0, 3)
    assert (images.views == -1).all()
    distances = (images.poses[:, :3, 3] - torch.tensor([0.0, 0.0, 0.1])).norm(dim=1)
    assert ((distances >= 0.8) & (distances <= 1.2)).all()
    assert len(torch.unique(distances)) == 8
    assert dataset.check() == {}
    counts = images.present.sum(1)
    assert counts.min() >= 1
    assert counts.max() > 1
    there = images.present.bool()
    low, high = images.boxes[there].split(3, dim=-1)
    assert (high - low > 0.01).all()
    assert ((high - low)[:, :2] < 0.18).all()
    assert (images.top_down[there].flatten(1).sum(1) > 50).all()
    assert not images.boxes[~there].any()
    assert not images.top_down[~there].any()


def test_objects_seen_for_their_shape_vary_without_end_and_are_not_of_the_test_split():
    rng = np.random.default_rng(0)
    shapes = [varied_object(rng) for _ in range(12)]
    assert len({round(shape.mesh.volume, 12) for shape in shapes}) == 12
    families = {shape.id.removesuffix("-stretched") for shape in shapes}
    assert families <= {*TRAINING_IDS, "composite"}
    assert "composite" in families
    assert len(families) > 2
    for shape in shapes:
        assert shape.mesh.is_watertight
        assert 0.0699 < shape.size < 0.1201
        assert np.abs(shape.mesh.center_mass[:2]).max() < 1e-9


@pytest.mark.parametrize("name", ["00001", "00001-images"])
def test_a_truncated_shard_is_named_and_the_others_stay_usable(copied, whole, name):
    file = copied.folder / "shards" / name / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    problems = copied.check()
    assert set(problems) == {1}
    assert "Shard 1 cannot be used" in str(problems[1])
    assert "damaged" in str(problems[1])
    kept = copied.read_all(skip=set(problems))
    assert len(kept) == 5
    assert equal(copied.read(0), whole.read(0))
    if name == "00001":
        with pytest.raises(ShardError, match="Shard 1"):
            copied.read_all()


def test_a_shard_that_is_not_there_is_named_and_made_anew(copied, whole):
    shutil.rmtree(motion_folder(copied.folder, 2))
    again = PushingDataset(copied.folder)
    assert again.shards == (0, 1, 3)
    assert set(again.check()) == {2}
    with pytest.raises(ShardError, match="Shard 2"):
        again.read(2)
    assert_same(collect(SMALL, copied.folder, workers=1), whole)


def test_a_collection_is_not_mixed_with_another(copied, tmp_path):
    with pytest.raises(CheckpointError, match="another collection"):
        collect(dataclasses.replace(SMALL, seed=4), copied.folder, workers=1)
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("words")
    with pytest.raises(CheckpointError, match="not empty"):
        collect(SMALL, other, workers=1)
    assert (other / "thesis.txt").read_text() == "words"
    with pytest.raises(CheckpointError, match=r"no dataset\.json"):
        PushingDataset(other)
    (copied.folder / "dataset.json").write_text("{")
    with pytest.raises(CheckpointError, match="not the description"):
        PushingDataset(copied.folder)


def test_a_failing_worker_is_reported_and_leaves_what_is_finished(tmp_path):
    out = tmp_path / "data"
    shards = out / "shards"
    config = dataclasses.replace(SMALL, images=False, episodes=4)
    collect(config, out, workers=1)
    shutil.rmtree(shards / "00001")
    (shards / "00001").write_text("in the way")
    with pytest.raises(HyperdynError, match=r"Shards \[1\].*not a hyperdyn folder"):
        collect(config, out, workers=1)
    assert PushingDataset(out).shards == (0,)


def test_images_are_there_only_if_they_were_asked_for(tmp_path):
    config = dataclasses.replace(SMALL, images=False, episodes=1)
    dataset = collect(config, tmp_path / "data", workers=1)
    with pytest.raises(InputError, match="--images"):
        dataset.read_images(0)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"episodes": 0}, InputError),
        ({"pushes": 0}, InputError),
        ({"per_system": 3}, InputError),
        ({"seed": -1}, InputError),
        ({"split": "sen"}, UnknownNameError),
        ({"kind": "shape"}, UnknownNameError),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(settings, error):
    with pytest.raises(error):
        dataclasses.replace(SMALL, **settings)
