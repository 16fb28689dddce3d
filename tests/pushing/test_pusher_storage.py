"""Pushing models on disk: bit for bit, beside their visual encoder, and refused when not."""

import shutil

import pytest
import torch

from hyperdyn.errors import CheckpointError, UnknownNameError
from hyperdyn.pushing import (
    KINDS,
    PushingGenerator,
    load_pusher,
    save_pusher,
    save_visual_encoder,
    with_fresh_shapes,
)
from tests.pushing.pushers import generator, pusher, visual


@pytest.fixture
def study(tmp_path):
    save_visual_encoder(visual(), tmp_path / "visual")
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_loaded_is_saved(study, kind):
    model = pusher(kind)
    with torch.no_grad():
        model.visual.shape_encoder.code.bias.add_(1.0)  # trained on, with the predictor
    save_pusher(model, study / "one-0")
    loaded = load_pusher(study / "one-0")
    assert loaded.config == model.config
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_codes_of_another_width_are_kept(study):
    wide = with_fresh_shapes(visual(), 11, generator=generator(3))
    model = PushingGenerator(pusher("direct").config, wide, generator=generator())
    save_pusher(model, study / "wide-0")
    loaded = load_pusher(study / "wide-0")
    assert loaded.visual.config.code_dim == 11
    assert loaded.predictor.turned_dim == 11
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_another_visual_encoder_is_refused(study):
    save_pusher(pusher("direct"), study / "one-0")
    save_visual_encoder(visual(seed=5), study / "visual")
    with pytest.raises(CheckpointError, match="another visual encoder"):
        load_pusher(study / "one-0")
    shutil.rmtree(study / "visual")
    with pytest.raises(CheckpointError):
        load_pusher(study / "one-0")


def test_a_folder_without_a_model_does_not_hide_the_packaged_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "push").mkdir()
    assert load_pusher("push").predictor.looks


def test_damage_is_named(study):
    save_pusher(pusher("direct"), study / "one-0")
    file = study / "one-0" / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(CheckpointError):
        load_pusher(study / "one-0")
    with pytest.raises(UnknownNameError, match="push"):
        load_pusher(study / "two-0")
