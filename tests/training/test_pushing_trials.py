"""Trials in the real environments, with a stand-in for a trained model."""

import dataclasses
import math

import numpy as np
import pytest
import torch

pytest.importorskip("pybullet")

from hyperdyn.assets.objects import TEST_IDS, TRAINING_IDS
from hyperdyn.envs.pushing import VIEWS, Push
from hyperdyn.errors import HyperdynError, InputError, UnknownNameError
from hyperdyn.perception import VisualConfig, VisualEncoder
from hyperdyn.planners import RandomShooting
from hyperdyn.pushing import PushingConfig, PushingGenerator
from hyperdyn.training.pushing import planning, trials
from hyperdyn.training.pushing.pusher import ModelPusher, Pusher, one_view
from hyperdyn.training.pushing.trial_configs import System, TrialConfig, draw_system
from hyperdyn.training.pushing.trials import Watcher, feel, run_trial, run_trials
from tests.training.push_standin import Standin

EASY = System(shape="mit-rect1", mass=400.0, friction=1e-3)


def config(**changes):
    return TrialConfig(**{"task": "free", "split": "seen", "preset": "paper", **changes})


class Notes(Watcher):
    def __init__(self):
        self.scene, self.steps = None, []

    def begins(self, scene):
        self.scene = scene

    def pushed(self, step):
        self.steps.append(step)


def timeless(result):
    return dataclasses.replace(result, seconds=0.0, slowest=0.0)


def test_the_same_number_is_the_same_trial_and_its_record_is_what_happened():
    notes = [Notes(), Notes()]
    first, again = (
        run_trial(Standin(), config(), 0, system=EASY, watcher=watcher) for watcher in notes
    )
    assert timeless(first) == timeless(again)
    states = [torch.cat([n.scene.state, *(s.state for s in n.steps)]) for n in notes]
    assert torch.equal(*states)
    (note, _) = notes
    assert first.pushes == len(note.steps) <= 30
    assert first.distance == pytest.approx(
        math.dist(states[0][-1, :2].tolist(), note.scene.goal), abs=1e-6
    )
    end = note.steps[-1].info
    assert first.success == end["success"] == (first.ending == "home")
    assert (first.collided, first.left_table) == (end["collided"], end["left_table"])
    assert first.lost is False
    assert 0 < first.seconds <= first.slowest
    for before, step in zip(states[0], note.steps, strict=False):
        assert torch.equal(step.predicted[0], before)
        moved = step.predicted[1, 13:15] - before[13:15]
        torch.testing.assert_close(moved, 0.06 * step.action[0, :2], atol=1e-5, rtol=0)


def test_a_scene_does_not_depend_on_the_model_or_the_planner():
    notes = []
    for preset in ("paper", "shooting"):
        notes.append(Notes())
        with pytest.MonkeyPatch.context() as patch:
            few = dataclasses.replace(
                planning.PRESETS[preset]["obstacles"],
                planner=RandomShooting(
                    horizon=2, samples=4, low=(-1.0, -1.0, 0.0), high=(1.0, 1.0, 0.0)
                ),
            )
            patch.setitem(planning.PRESETS, preset, {"free": few, "obstacles": few})
            run_trial(
                Standin(),
                config(task="obstacles", preset=preset),
                3,
                system=EASY,
                watcher=notes[-1],
            )
    first, second = (n.scene for n in notes)
    assert torch.equal(first.state, second.state)
    assert first.goal == second.goal
    assert np.array_equal(first.view.rgb, second.view.rgb)
    assert np.array_equal(first.view.pose, second.view.pose)


def test_systems_are_drawn_from_the_split_by_number():
    drawn = [draw_system(config(split=split), n) for split in ("seen", "novel") for n in range(30)]
    assert {s.id for s in drawn[:30]} < set(TRAINING_IDS)
    assert {s.id for s in drawn[30:]} <= set(TEST_IDS)
    assert len({s.id for s in drawn}) > 15
    assert drawn[:30] == [draw_system(config(), n) for n in range(30)]
    assert drawn[0] != draw_system(config(seed=1), 0)
    assert int(drawn[0].truth.objects) == TRAINING_IDS.index(drawn[0].id)
    assert int(drawn[30].truth.objects) == -1
    assert float(drawn[0].truth.masses) == pytest.approx(drawn[0].mass)


def test_what_is_felt_is_five_whole_pushes_of_that_object():
    felt = feel(EASY, np.random.default_rng(5))
    assert felt.states.shape == (1, 6, 16)
    lengths = 0.06 * felt.actions.norm(dim=-1)
    assert ((lengths > 0.0299) & (lengths < 0.0601)).all()
    assert (felt.states[..., :2].abs() < 0.3).all()
    assert float((felt.states[0, -1, :2] - felt.states[0, 0, :2]).norm()) > 0.01
    assert torch.equal(felt.states, feel(EASY, np.random.default_rng(5)).states)


def test_an_object_that_cannot_be_kept_on_the_table_is_given_up(monkeypatch):
    step = Push.step
    left = {"left_table": True, "diverged": False}
    monkeypatch.setattr(Push, "step", lambda self, a: (*step(self, a)[:2], True, False, left))
    monkeypatch.setattr("hyperdyn.training.pushing.trials._TRIES", 2)
    with pytest.raises(HyperdynError, match="in each of 2 attempts"):
        feel(EASY, np.random.default_rng(0))


def test_an_object_that_is_not_found_is_a_failure_with_a_reason_and_no_crash():
    results = run_trials(Standin(blind=True), config(trials=2))
    for number, result in enumerate(results):
        assert (result.number, result.lost, result.success, result.pushes) == (
            number,
            True,
            False,
            0,
        )
        assert "NoObjectError" in result.reason
        assert result.ending == "lost"
        assert 0.05 < result.distance < 0.3


def test_predictions_that_are_not_numbers_end_in_a_result():
    class Broken(Standin):
        def generate(self, interactions, survey, truth):
            class Nonsense:
                num_systems, state_dim, action_dim = 1, 16, 3

                def rollout(self, states, actions):
                    E, N, H, _ = actions.shape
                    return torch.full((E, N, H + 1, 16), math.nan)

            return Nonsense()

    result = run_trial(Broken(), config(), 0, system=EASY)
    assert not result.success
    assert result.pushes == 60  # it stands still until the episode is over


def test_a_model_that_has_learnt_nothing_finds_nothing_or_pushes_badly_but_never_raises():
    visual = VisualEncoder(
        VisualConfig(image_channels=(4, 4), map_widths=(4, 4), map_channels=2),
        generator=torch.Generator().manual_seed(0),
    )
    model = PushingGenerator(PushingConfig(), visual, generator=torch.Generator().manual_seed(0))
    pusher = ModelPusher(model.eval())
    assert isinstance(pusher, Pusher)
    result = run_trial(pusher, config(), 0, system=EASY)
    assert not result.success or result.pushes > 0


def test_pictures_become_what_perception_takes():
    env = Push()
    env.reset(seed=0, options=EASY.options)
    view = env.view(2)
    env.close()
    views = one_view(view)
    assert views.rgb.shape == (1, 1, 3, 128, 128)
    np.testing.assert_allclose(views.rgb[0, 0, :, 5, 9], view.rgb[5, 9] / 255, atol=1e-6)
    np.testing.assert_allclose(views.poses[0, 0], VIEWS[2].pose, atol=1e-6)
    assert torch.equal(views.depth[0, 0], torch.from_numpy(view.depth))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"task": "stairs"}, UnknownNameError),
        ({"split": "old"}, UnknownNameError),
        ({"preset": "icme"}, UnknownNameError),
        ({"trials": 0}, InputError),
        ({"seed": -1}, InputError),
    ],
)
def test_trials_that_cannot_be_are_refused(change, error):
    with pytest.raises(error):
        config(**change)


class Forgetful(Standin):
    """Sees nothing but the object at first."""

    def survey(self, views, state):
        found = super().survey(views, state)
        none = found.standing[:0]
        return dataclasses.replace(
            found, others=found.others[:0], from_above=found.from_above[:1], standing=none
        )


@pytest.mark.parametrize("look", ["once", "always"])
def test_obstacles_hidden_at_first_are_planned_around_once_they_are_seen(look, monkeypatch):
    told, make = [], trials.controller

    def noted(planning, around, goal, generator):
        told.append(len(around.obstacles))
        return make(planning, around, goal, generator)

    few = RandomShooting(horizon=2, samples=4, low=(-1.0, -1.0, 0.0), high=(1.0, 1.0, 0.0))
    icem = planning.PRESETS["icem"]["obstacles"]
    monkeypatch.setattr(trials, "controller", noted)
    monkeypatch.setitem(
        planning.PRESETS,
        "icem",
        {"obstacles": dataclasses.replace(icem, planner=few, look=look)},
    )
    run_trial(Forgetful(), config(task="obstacles", preset="icem"), 3, system=EASY)
    assert told[0] == 0
    assert told[1:2] == ([1] if look == "always" else [])
