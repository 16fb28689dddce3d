"""`train perception` and `evaluate perception`: what they write, say and refuse."""

import json
from dataclasses import replace

import pytest
import torch

pytest.importorskip("pybullet")

from hyperdyn.cli.score_perception import ScorePerception
from hyperdyn.cli.train_perception import TrainPerception
from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.perception import VisualEncoder
from hyperdyn.pushing import save_visual_encoder
from hyperdyn.training.pushing import visual
from tests.training.visual_collections import SMALL, collection


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A collection of pushes and one of scenes."""
    folder = tmp_path_factory.mktemp("pictures")
    return collection(folder / "pushes", "push"), collection(folder / "scenes", "shapes")


def test_training_takes_its_settings_from_the_command_line(pictures, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(visual, "train_visual", lambda *a, **options: asked.append((a, options)))
    command = TrainPerception(
        pushes=pictures[0], shapes=pictures[1], out=tmp_path / "run", frames=160, seed=3
    )
    command.prepare()()
    (config, *folders), options = asked[0]
    assert (config.frames, config.seed) == (160, 3)
    assert folders == [*pictures, tmp_path / "run"]
    assert options == {"resume": False}
    assert str(tmp_path / "run" / "visual-encoder") in capsys.readouterr().out
    again = command.when_interrupted
    assert f"hyperdyn train perception --pushes {pictures[0]} --shapes {pictures[1]}" in again
    assert again.endswith("--frames 160 --seed 3 --resume")
    with pytest.raises(InputError, match="--frames must be at least 1"):
        replace(command, frames=0).prepare()


def test_scores_are_told_and_written(pictures, tmp_path, capsys):
    encoder = VisualEncoder(SMALL.encoder, generator=torch.Generator().manual_seed(0))
    save_visual_encoder(encoder, tmp_path / "run" / "visual-encoder")
    file = tmp_path / "made" / "scores.json"
    command = ScorePerception(encoder=tmp_path / "run", pictures=pictures[1], limit=5, json=file)
    command.prepare()()
    told = capsys.readouterr().out
    assert "on 5 pictures" in told
    assert "camera 0: recall" in told
    assert json.loads(file.read_text())["overall"]["scenes"] == 5
    direct = replace(command, encoder=tmp_path / "run" / "visual-encoder", json=None)
    direct.prepare()()
    assert "on 5 pictures" in capsys.readouterr().out
    with pytest.raises(InputError, match="--limit must be at least 1"):
        replace(command, limit=0).prepare()
    with pytest.raises(CheckpointError):
        replace(command, encoder=tmp_path / "none").prepare()
