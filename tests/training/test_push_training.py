"""Training pushing models: it learns what pushes tell, and a stopped run ends the same."""

import dataclasses
from dataclasses import replace

import pytest
import torch

from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.pushing import PushingConfig, load_pusher, save_visual_encoder
from hyperdyn.training import stepped_run
from hyperdyn.training.pushing.push_configs import PUSHERS, PushTrainConfig, pusher_preset
from hyperdyn.training.pushing.push_errors import push_errors
from hyperdyn.training.pushing.push_training import total_steps, train_push
from tests.pushing.pushers import SIZES, visual
from tests.training.push_data import crops, push_data

TINY = PushTrainConfig(
    model=PushingConfig(**SIZES), joint_steps=6, joint_systems=4, steps=8, systems=8
)


def tiny(kind="hyperdynamics", **changes):
    return replace(TINY, model=replace(TINY.model, kind=kind), **changes)


@pytest.fixture
def study(tmp_path):
    save_visual_encoder(visual(), tmp_path / "visual")
    return tmp_path


def error(model, data):
    return float(push_errors(model, data, known=True).one_step.mean())


def test_models_that_watch_foretell_what_those_that_do_not_cannot(study, monkeypatch):
    monkeypatch.setattr("hyperdyn.training.pushing.push_errors.HORIZON", 3)
    data, unseen, shapes = push_data(200), push_data(30, seed=5), crops(8)
    long = {"steps": 500, "systems": 32, "learning_rate": 5e-3}
    blind = train_push(tiny("xyz", **long), study, "xyz-0", data, shapes)
    watching = train_push(tiny(joint_steps=4, **long), study, "h-0", data, shapes)
    still = push_errors(blind, unseen, known=True).unrolled.mean()
    assert error(watching, unseen) < 0.6 * error(blind, unseen)
    assert push_errors(watching, unseen, known=True).unrolled.mean() < 0.6 * still
    log = (study / "h-0.run" / "metrics.jsonl").read_text().splitlines()
    assert len(log) == 1 + 10  # joint, then alone


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("kind", ["hyperdynamics", "maml", "expert_ensemble"])
@pytest.mark.parametrize("after", [3, 9])
def test_a_stopped_run_ends_with_the_same_weights(study, monkeypatch, kind, after):
    data, shapes = push_data(10), crops(6)
    whole = train_push(tiny(kind), study, "whole-0", data, shapes)
    monkeypatch.setattr(stepped_run, "CHECKPOINT_SECONDS", -1.0)  # after every step
    made = []

    def stop(count):
        made.append(count)
        if sum(made) == after:
            raise StoppedError

    if after < total_steps(tiny(kind)):
        with pytest.raises(StoppedError):
            train_push(tiny(kind), study, "stopped-0", data, shapes, on_step=stop)
        with pytest.raises(CheckpointError, match="--resume"):
            train_push(tiny(kind), study, "stopped-0", data, shapes)
        with pytest.raises(CheckpointError, match="other settings"):
            train_push(tiny(kind, seed=3), study, "stopped-0", data, shapes, resume=True)
    resumed = train_push(tiny(kind), study, "stopped-0", data, shapes, resume=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    loaded = load_pusher(study / "stopped-0").state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in whole.state_dict().items())
    assert not (study / "stopped-0.run" / "checkpoint").exists()


@pytest.mark.parametrize("name", PUSHERS)
def test_every_preset_trains(study, name, monkeypatch):
    monkeypatch.setattr("hyperdyn.training.pushing.push_errors.HORIZON", 3)
    config = pusher_preset(name)
    sizes = {**SIZES, "dynamics_hidden": (8,)}
    config = replace(
        config, model=replace(config.model, **sizes), joint_steps=2, joint_systems=4, steps=2
    )
    data = push_data(10)
    model = train_push(config, study, f"{name}-0", data, crops(6))
    assert model.visual.config.code_dim == config.shape_dim
    assert torch.isfinite(push_errors(model, data, known=True).unrolled).all()


def test_joint_training_reaches_the_shape_encoder_but_not_the_map(study):
    before = visual().state_dict()
    model = train_push(tiny(), study, "one-0", push_data(10), crops(6))
    changed = {
        name
        for name, value in model.visual.state_dict().items()
        if not torch.equal(before[name], value)
    }
    assert {name.split(".")[0] for name in changed} == {"shape_encoder", "view_decoder"}
    assert "shape_encoder.mixer.weight" in changed


def test_without_the_view_loss_the_decoder_is_left_alone(study):
    config, data, shapes = tiny(fresh_shapes=True, view_loss=False), push_data(10), crops(6)
    model = train_push(config, study, "one-0", data, shapes)
    again = train_push(replace(config, steps=9), study, "two-0", data, shapes)
    for name, value in model.visual.view_decoder.state_dict().items():
        assert torch.equal(again.visual.view_decoder.state_dict()[name], value)
    start = visual().state_dict()["shape_encoder.code.weight"]
    assert not torch.equal(model.visual.shape_encoder.code.weight, start)


def test_only_whole_episodes_are_watched_and_only_pushes_that_happened_predicted():
    data = push_data(3)
    lengths, endings = data.episodes.lengths.clone(), data.episodes.endings.clone()
    lengths[0], endings[0] = 2, 1
    lengths[2], endings[2] = 0, 1
    cut = dataclasses.replace(
        data, episodes=dataclasses.replace(data.episodes, lengths=lengths, endings=endings)
    )
    pairs = cut.pairs()
    assert list(zip(pairs.watched.tolist(), pairs.predicted.tolist(), strict=True)) == [
        (1, 0),
        (5, 4),
        (4, 5),
    ]
    assert cut.pairs(whole=True).predicted.tolist() == [4, 5]


def test_pushes_after_the_end_of_an_episode_do_not_count(study):
    data = push_data(6)
    lengths, endings = data.episodes.lengths.clone(), data.episodes.endings.clone()
    lengths[::2], endings[::2] = 1, 1
    results = []
    for spoil in (0.0, 1e3):
        states = data.episodes.states.clone()
        states[::2, 2:] += spoil
        episodes = dataclasses.replace(
            data.episodes, states=states, lengths=lengths, endings=endings
        )
        spoiled = dataclasses.replace(data, episodes=episodes)
        results.append(train_push(tiny("xyz"), study, f"m{spoil:.0f}-0", spoiled, crops(6)))
    first, second = (model.state_dict() for model in results)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_cannot_be_is_refused():
    with pytest.raises(UnknownNameError, match="hyperdynamics"):
        pusher_preset("hyperdynamic")
    for wrong in ({"steps": 0}, {"shape_dim": 0}, {"joint_steps": -1}):
        with pytest.raises(InputError, match="positive"):
            replace(TINY, **wrong)
