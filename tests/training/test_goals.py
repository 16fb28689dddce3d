"""Goal policies on the pushing table: demonstrations, hindsight, training, trials, commands."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("pybullet")

from hyperdyn.envs.pushing import Push
from hyperdyn.envs.pushing.cameras import OBJECT
from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.policies import GCBC, GoalNet, build_goal_policy, load_goal_policy
from hyperdyn.storage import write_folder
from hyperdyn.training import stepped_run
from hyperdyn.training.goals.configs import GOAL_BUDGETS, GOAL_PRESETS, goal_run
from hyperdyn.training.goals.demonstrations import (
    KIND,
    GoalCollection,
    collect_goals,
    record,
    trial_folder,
)
from hyperdyn.training.goals.detector import best_threshold, detector_scores, find_threshold
from hyperdyn.training.goals.episodes import read_episodes
from hyperdyn.training.goals.training import train_goals
from hyperdyn.training.goals.trials import GoalTrial
from hyperdyn.training.goals.views import (
    CAMERA,
    SCENES,
    goal_seen,
    mirrored,
    picture,
    poses,
    proprioception,
    seen,
)
from hyperdyn.training.goals.views import shown as pictured
from hyperdyn.training.run_folder import open_run
from tests.training.goal_data import TINY, numbered
from tests.training.push_standin import Standin


def test_goals_are_later_moments_of_the_same_episode_and_targets_lie_between():
    episodes = numbered()
    pairs = episodes.draw(
        contexts=400,
        moments=3,
        frames=2,
        episodes=400,
        generator=torch.Generator().manual_seed(0),
    )
    assert len(pairs.scenes) == len(pairs.scenes.unique(dim=0)) == 2 + 5 + 4  # each once
    goal, scene = pairs.scenes[pairs.goal, 0], pairs.scenes[pairs.seen, 0]
    before, now, after = scene.unbind(-1)
    episode = (goal / 100).floor()
    assert torch.equal(episode[:, None].expand(-1, 3), (now / 100).floor())
    assert torch.equal(after, now + 1)
    assert torch.equal(before, torch.maximum(now - 1, 100 * episode[:, None]))
    assert bool((now >= now[:, :1]).all())  # weights are written at the first
    assert bool((now < goal[:, None]).all())
    torch.testing.assert_close(pairs.actions[..., 0], now / 500)
    assert torch.equal(pairs.proprioception[..., 0], scene[..., :-1])
    drawn = {(int(first), int(aim)) for first, aim in zip(now[:, 0], goal, strict=True)}
    lengths = ((0, 1), (100, 4), (200, 3))
    assert drawn == {
        (begin + t, begin + u)
        for begin, n in lengths
        for t in range(n)
        for u in range(t + 1, n + 1)
    }
    few = numbered(lengths=(4, 4, 4)).draw(
        contexts=50, moments=1, frames=2, episodes=1, generator=torch.Generator().manual_seed(1)
    )
    assert few.actions.shape == (50, 1, 3)
    assert len((few.scenes[:, 0] / 100).floor().unique()) == 1
    assert len(few.goal.unique()) > 1


def test_frames_are_counted_to_each_episodes_end():
    episode, time = numbered().moments()
    assert episode.tolist() == [0] * 2 + [1] * 5 + [2] * 4
    assert time.tolist() == [*range(2), *range(5), *range(4)]


def test_in_the_mirror_left_and_right_are_changed_over_and_nothing_else():
    states, pictures = numbered(), numbered((2, 3, 3))
    pictures.scenes[..., 0, :] = 7  # the left column
    for episodes in (states, pictures):
        both = episodes.with_mirrored()
        assert len(both) == 2 * len(episodes)
        for name in ("actions", "scenes", "proprioception", "positions", "lengths"):
            own, made = getattr(episodes, name), getattr(both, name)
            assert torch.equal(made[: len(own)], own)
            again = getattr(both.with_mirrored(), name)[3 * len(own) :]  # mirrored twice
            assert torch.equal(again, own)
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0])
    both, own = states.with_mirrored(), states.scenes
    assert torch.equal(both.scenes[3:], own * signs)
    assert torch.equal(both.actions[3:], states.actions * signs[:3])
    assert torch.equal(both.proprioception[3:], states.proprioception * signs[:2])
    shown = pictures.with_mirrored().scenes[3:]
    assert bool((shown[..., 2, :] == 7).all())
    assert torch.equal(shown[..., :2, :], pictures.scenes[..., 1:, :].flip(-2))


def test_the_camera_sees_a_mirrored_table_in_the_mirror():
    env = Push()
    observation, _ = env.reset(seed=3, options={"object": "mit-rect1"})
    world = env.world
    body = world.bodies[0]
    height = world.call("getBasePositionAndOrientation", body)[0][2]

    def there(x, y, yaw):
        """The state with the object there and the rod 12 cm beside it, and where its pixels are."""
        turned = world.call("getQuaternionFromEuler", (0.0, 0.0, yaw))
        world.call("resetBasePositionAndOrientation", body, [x, y, height], turned)
        world.place_rod(np.array([x, y + math.copysign(0.12, y)]))
        state = torch.from_numpy(observation).float()
        state[:7] = torch.from_numpy(world.object_state()[:7]).float()
        return state, torch.from_numpy(env.view(CAMERA).segmentation == OBJECT)

    state, own = there(0.05, 0.11, 0.4)
    other, image = there(0.05, -0.11, -0.4)
    env.close()
    torch.testing.assert_close(mirrored(poses(state), 1), poses(other), atol=1e-5, rtol=0)
    reflected = mirrored(own[..., None].expand(-1, -1, 3), 3)[..., 0]
    assert int(own.sum()) > 20
    assert float((reflected & image).sum() / (reflected | image).sum()) > 0.8


class StoppedError(Exception):
    pass


@pytest.mark.parametrize(("name", "scene"), [("goalnet", (4,)), ("gcbc-shaped", (64, 64, 3))])
def test_a_stopped_run_ends_with_the_same_weights(name, scene, tmp_path, monkeypatch):
    episodes = numbered(scene)
    config = goal_run(name, episodes, sizes=TINY, steps=4, contexts=4)
    whole = train_goals(config, tmp_path / "whole", episodes)
    monkeypatch.setattr(stepped_run, "CHECKPOINT_SECONDS", -1.0)  # after every step
    made = []

    def stop(count):
        made.append(count)
        if sum(made) == 2:
            raise StoppedError

    out = tmp_path / "stopped"
    with pytest.raises(StoppedError):
        train_goals(config, out, episodes, on_step=stop)
    with pytest.raises(CheckpointError, match="--resume"):
        train_goals(config, out, episodes)
    with pytest.raises(CheckpointError, match="with other settings"):
        train_goals(replace(config, seed=3), out, episodes, resume=True)
    resumed = train_goals(config, out, episodes, resume=True)
    finished = train_goals(config, out, episodes, resume=True)
    assert float(whole.threshold) > 0
    for model in (resumed, finished, load_goal_policy(out)):
        for key, value in whole.state_dict().items():
            assert torch.equal(model.state_dict()[key], value), key
    other = replace(episodes, actions=episodes.actions * 0.5)
    with pytest.raises(InputError, match="not the demonstrations"):
        train_goals(config, out, other, resume=True)


def test_half_of_what_is_learned_from_is_in_the_mirror(tmp_path, monkeypatch):
    episodes = numbered(lengths=(4, 4))
    kept = []
    monkeypatch.setattr(GCBC, "loss", _noting(GCBC.loss, kept))
    for name, wanted in (("both", 0.5), ("one", 0.0)):
        kept.clear()
        config = goal_run(
            "gcbc", episodes, sizes=TINY, steps=8, contexts=32, mirrored=name == "both"
        )
        train_goals(config, tmp_path / name, episodes)
        pushed = torch.cat([pairs.actions for pairs in kept])
        assert len(pushed) == 8 * 32
        share = float((pushed[..., 1] < 0)[pushed[..., 0] > 0].float().mean())
        assert share == pytest.approx(wanted, abs=0.2 * wanted)
        for pairs in kept:  # scene, rod and push of a moment are on the same side
            scene = pairs.scenes[pairs.seen[:, 0, 1], 1]
            assert torch.equal(scene, pairs.proprioception[:, 0, 1, 1])
            assert torch.allclose(scene / 500, pairs.actions[:, 0, 1])


def _noting(loss, kept):
    def noted(self, pairs):
        kept.append(pairs)
        return loss(self, pairs)

    return noted


def test_every_preset_is_a_run_and_leaves_out_what_it_says():
    episodes = numbered()
    runs = {name: goal_run(name, episodes, sizes=TINY) for name in GOAL_PRESETS}
    assert {run.contexts * run.moments for run in runs.values()} == {
        GOAL_BUDGETS["reduced"].samples
    }
    assert len({(run.steps, run.learning_rate) for run in runs.values()}) == 1
    weights = {n: (r.model.prediction_weight, r.model.distance_weight) for n, r in runs.items()}
    assert weights["goalnet"] == weights["gcbc-shaped"] == (1.0, 1.0)
    assert weights["goalnet-no-prediction"] == (0.0, 1.0)
    assert weights["goalnet-no-distance"] == (1.0, 0.0)
    assert weights["goalnet-cloning"] == weights["gcbc"] == (0.0, 0.0)
    assert not runs["goalnet-goal-only"].model.sees_current
    assert runs["goalnet-once"].moments > 1
    large = goal_run("goalnet", numbered((64, 64, 3)), budget="large", steps=7)
    assert large.model.hidden == GOAL_BUDGETS["large"].sizes["hidden"]
    assert (large.steps, large.episodes) == (7, GOAL_BUDGETS["large"].pictured)
    generator = torch.Generator()
    made = [
        kind(runs[name].model, generator=generator)
        for name, kind in (("goalnet", GoalNet), ("gcbc", GCBC))
    ]
    first, second = (sum(weight.numel() for weight in model.parameters()) for model in made)
    assert second == pytest.approx(first, rel=0.05)
    with pytest.raises(UnknownNameError, match="goalnet-once"):
        goal_run("goalnet-one", episodes)
    with pytest.raises(UnknownNameError, match="'large'"):
        goal_run("goalnet", episodes, budget="larg")


def test_the_threshold_tells_both_kinds_apart_whatever_their_shares():
    away = torch.cat([torch.linspace(0, 1, 10), torch.linspace(2, 3, 1000)])
    truly = torch.arange(1010) < 10
    assert 1 < best_threshold(away, truly) < 2
    mixed = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
    flags = torch.tensor([True, True, False, True, False])
    assert best_threshold(mixed, flags) == pytest.approx(1.5)


def test_the_goal_is_the_object_at_its_target_and_the_table_is_left_as_it_was():
    env = Push()
    options = {"object": "mit-rect1", "goal": (-0.05, 0.1)}
    observation, _ = env.reset(seed=3, options=options)
    state = torch.from_numpy(observation).float()
    goal = goal_seen(env, state, "state")
    torch.testing.assert_close(goal[:2], torch.tensor([-0.05, 0.1]))
    assert torch.equal(goal[2:], poses(state)[2:])
    for scene, few, many in (("image", 30, 2000), ("image-128", 120, 8000)):
        before = seen(env, state, scene)
        shown = goal_seen(env, state, scene)
        assert shown.shape == SCENES[scene]
        assert torch.equal(seen(env, state, scene), before)
        changed = (shown.int() - before.int()).abs().amax(-1) > 20
        assert few < int(changed.sum()) < many
    torch.testing.assert_close(torch.from_numpy(env.world.object_state()[:7]).float(), state[:7])
    torch.testing.assert_close(
        torch.from_numpy(env.world.tip()[:2]).float(), proprioception(state), atol=1e-5, rtol=0
    )
    # The object itself is at the target in the picture, and what is left there looks as it did.
    moved = env.goal - observation[:2]
    world = env.world
    (x, y, z), turned = world.call("getBasePositionAndOrientation", world.bodies[0])
    place = [x + moved[0], y + moved[1], z]
    world.call("resetBasePositionAndOrientation", world.bodies[0], place, turned)
    assert torch.equal(pictured(picture(env), "image-128"), shown)
    with world.arm_aside():
        labels = env.view(CAMERA).segmentation
    assert int((labels == OBJECT).sum()) > 50  # nothing hides it
    env.close()


def test_small_pictures_are_means_of_four_pixels():
    fine = torch.randint(256, (2, 3, 128, 128, 3), generator=torch.Generator().manual_seed(0))
    small = pictured(fine.to(torch.uint8), "image")
    assert small.shape == (2, 3, *SCENES["image"])
    corner = fine[1, 2, 10:12, 20:22, 1].float().mean()
    assert abs(float(small[1, 2, 5, 10, 1]) - float(corner)) <= 0.5
    assert torch.equal(pictured(fine.to(torch.uint8), "image-128"), fine.to(torch.uint8))


def test_trials_are_recorded_whole_and_only_arrivals_are_read(tmp_path):
    config = GoalCollection(trials=3, preset="shooting")
    open_run(config, tmp_path, resume=False)
    record(Standin(), config, tmp_path, 0)
    again = tmp_path / "again"
    record(Standin(), config, again, 0)
    header = json.loads((trial_folder(tmp_path, 0) / "config.json").read_text())
    assert header == json.loads((trial_folder(again, 0) / "config.json").read_text())
    with pytest.raises(CheckpointError, match="Trial 1 is missing"):
        read_episodes(tmp_path, "state")
    for number in (1, 2):
        states = torch.zeros(3 + number, 16)
        states[:, 6] = 1.0
        states[:, 0] = torch.arange(3 + number) / 10
        tensors = {
            "states": states,
            "actions": torch.full((2 + number, 3), 0.1 * number),
            "pictures": torch.full((3 + number, 128, 128, 3), number, dtype=torch.uint8),
        }
        about = {"object": "x", "success": number == 2, "ending": "-"}
        write_folder(trial_folder(tmp_path, number), KIND, about, tensors)
    episodes = read_episodes(tmp_path, "state")
    home = 1 + header["config"]["success"]
    assert len(episodes) == home
    assert episodes.lengths[-1] == 4
    torch.testing.assert_close(episodes.scenes[-1, 4], torch.tensor([0.4, 0.0, 1.0, 0.0]))
    for scene in ("image", "image-128"):
        pictures = read_episodes(tmp_path, scene).scenes
        assert tuple(pictures.shape[2:]) == SCENES[scene]
        assert pictures[-1, 4].unique().tolist() == [2]
    collect_goals(config, tmp_path, on_trials=lambda count: None)  # nothing is missing
    with pytest.raises(CheckpointError, match="no demonstrations"):
        read_episodes(tmp_path / "nowhere", "state")
    with pytest.raises(UnknownNameError, match="image"):
        read_episodes(tmp_path, "images")


def test_the_threshold_is_one_of_demonstrated_moments_and_their_positions():
    episodes = numbered(lengths=(6, 6, 6))
    near = replace(episodes, positions=episodes.positions % 1 * 2)  # 2 cm a push
    model = build_goal_policy(
        "goalnet",
        goal_run("goalnet", near, sizes=TINY).model,
        generator=torch.Generator().manual_seed(0),
    )
    model.fit(near.scenes.flatten(0, 1), near.proprioception.flatten(0, 1))
    found = find_threshold(model, near, generator=torch.Generator().manual_seed(0))
    latents = model.encode(near.scenes[0]).detach()
    away = (latents[:, None] - latents).norm(dim=-1)
    # Two pushes apart are 4 cm, three are not: the cut is about between them.
    assert float(away.diagonal(1).mean()) < found < float(away.diagonal(5).mean())
    far = replace(episodes, positions=episodes.positions % 1 * 100)  # only itself is near
    assert find_threshold(model, far, generator=torch.Generator().manual_seed(0)) < found


def trial(success, truly, detected):
    return GoalTrial(
        number=0,
        object="x",
        success=success,
        left_table=False,
        lost=False,
        distance=0.1,
        pushes=len(truly),
        truly=truly,
        detected=detected,
    )


def test_the_detector_is_scored_over_pushes_and_trials_and_where_it_would_stop():
    found = detector_scores(
        [
            trial(True, (False, True), (False, True)),
            trial(True, (False, True), (True, True)),
            trial(True, (False, True), (False, False)),
            trial(False, (False, False), (True, False)),
            trial(False, (False,), (False,)),
        ]
    )
    assert found["tolerance"] == 0.04
    pushes, trials = found["pushes"], found["trials"]
    assert (pushes["count"], pushes["true"], pushes["told"]) == (9, 3, 4)
    assert pushes["accuracy"] == pytest.approx(6 / 9)
    assert pushes["precision"] == 0.5
    assert pushes["recall"] == pytest.approx(2 / 3)
    assert trials["accuracy"] == pytest.approx(3 / 5)
    assert trials["precision"] == trials["recall"] == pytest.approx(2 / 3)
    assert found["stopped"]["success"] == 0.2  # the second would have stopped too early
    nothing = detector_scores([trial(False, (False,), (False,))])["pushes"]
    assert nothing["precision"] is nothing["recall"] is None
    assert nothing["accuracy"] == 1.0
