"""Goal policies on the pushing table: demonstrations, hindsight, training, trials, commands."""

import json
from dataclasses import replace

import pytest
import torch

pytest.importorskip("pybullet")

from hyperdyn.cli.main import main
from hyperdyn.envs.pushing import Push
from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.policies import GCBC, GoalNet, load_goal_policy
from hyperdyn.storage import write_folder
from hyperdyn.training import stepped_run
from hyperdyn.training.goals.configs import GOAL_PRESETS, goal_run
from hyperdyn.training.goals.demonstrations import (
    KIND,
    GoalCollection,
    collect_goals,
    record,
    trial_folder,
)
from hyperdyn.training.goals.episodes import GoalEpisodes, read_episodes
from hyperdyn.training.goals.evaluation import (
    GoalTrial,
    detector_scores,
    run_goal_trial,
    trials_of,
)
from hyperdyn.training.goals.training import best_threshold, train_goals
from hyperdyn.training.goals.views import SCENES, goal_seen, poses, proprioception, seen
from hyperdyn.training.run_folder import open_run
from tests.training.push_standin import Standin

TINY = {
    "latent_dim": 6,
    "encoder_hidden": 8,
    "proprioception_latent": 4,
    "hidden": (8, 8),
    "forward_hidden": 8,
    "embedding_dim": 8,
    "blocks": 2,
    "code_dim": 4,
    "codec_hidden": 8,
    "block_hidden": 8,
    "thought_width": 4,
}


def numbered(scene=(4,), lengths=(1, 4, 3)):
    """Episodes whose every number says which episode and time it is of."""
    times = 100.0 * torch.arange(len(lengths))[:, None] + torch.arange(max(lengths) + 1)
    wide = times.view(*times.shape, *[1] * len(scene)).expand(*times.shape, *scene)
    return GoalEpisodes(
        scenes=wide.to(torch.uint8).contiguous() if len(scene) == 3 else wide.contiguous(),
        proprioception=times[..., None].repeat(1, 1, 2),
        positions=times[..., None].repeat(1, 1, 2) / 100,
        actions=(times[:, :-1, None] / 500).repeat(1, 1, 3),
        lengths=torch.tensor(lengths),
    )


def test_goals_are_later_moments_of_the_same_episode_and_targets_lie_between():
    episodes = numbered()
    pairs = episodes.draw(
        contexts=400, moments=3, frames=2, generator=torch.Generator().manual_seed(0)
    )
    goal, scene = pairs.goals[:, 0], pairs.scenes[..., 0]
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
    alone = episodes.draw(contexts=4, moments=1, frames=2, generator=torch.Generator())
    assert alone.actions.shape == (4, 1, 3)


def test_frames_are_counted_to_each_episodes_end():
    episode, time = numbered().moments()
    assert episode.tolist() == [0] * 2 + [1] * 5 + [2] * 4
    assert time.tolist() == [*range(2), *range(5), *range(4)]


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


def test_every_preset_is_a_run_and_leaves_out_what_it_says():
    episodes = numbered()
    runs = {name: goal_run(name, episodes, sizes=TINY) for name in GOAL_PRESETS}
    assert len({run.contexts * run.moments for run in runs.values()}) == 1
    assert len({(run.steps, run.learning_rate) for run in runs.values()}) == 1
    weights = {n: (r.model.prediction_weight, r.model.distance_weight) for n, r in runs.items()}
    assert weights["goalnet"] == weights["gcbc-shaped"] == (1.0, 1.0)
    assert weights["goalnet-no-prediction"] == (0.0, 1.0)
    assert weights["goalnet-no-distance"] == (1.0, 0.0)
    assert weights["goalnet-cloning"] == weights["gcbc"] == (0.0, 0.0)
    assert not runs["goalnet-goal-only"].model.sees_current
    assert runs["goalnet-once"].moments > 1
    generator = torch.Generator()
    made = [
        kind(runs[name].model, generator=generator)
        for name, kind in (("goalnet", GoalNet), ("gcbc", GCBC))
    ]
    first, second = (sum(weight.numel() for weight in model.parameters()) for model in made)
    assert second == pytest.approx(first, rel=0.05)
    with pytest.raises(UnknownNameError, match="goalnet-once"):
        goal_run("goalnet-one", episodes)


def test_the_threshold_tells_both_kinds_apart_whatever_their_shares():
    away = torch.cat([torch.linspace(0, 1, 10), torch.linspace(2, 3, 1000)])
    truly = torch.arange(1010) < 10
    assert 1 < best_threshold(away, truly) < 2
    mixed = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
    flags = torch.tensor([True, True, False, True, False])
    assert best_threshold(mixed, flags) == pytest.approx(1.5)


def test_the_goal_is_the_object_at_its_target_and_the_table_is_left_as_it_was():
    env = Push()
    observation, _ = env.reset(seed=3, options={"object": "mit-rect1", "goal": (-0.05, 0.1)})
    state = torch.from_numpy(observation).float()
    goal = goal_seen(env, state, "state")
    torch.testing.assert_close(goal[:2], torch.tensor([-0.05, 0.1]))
    assert torch.equal(goal[2:], poses(state)[2:])
    before = seen(env, state, "image")
    shown = goal_seen(env, state, "image")
    assert shown.shape == SCENES["image"]
    assert torch.equal(seen(env, state, "image"), before)
    changed = (shown.int() - before.int()).abs().amax(-1) > 20
    assert 30 < int(changed.sum()) < 2000
    torch.testing.assert_close(torch.from_numpy(env.world.object_state()[:7]).float(), state[:7])
    torch.testing.assert_close(
        torch.from_numpy(env.world.tip()[:2]).float(), proprioception(state), atol=1e-5, rtol=0
    )
    # An object that really stands there looks the same.
    there, _ = env.reset(seed=3, options={"object": "mit-rect1", "goal": (-0.05, 0.1)})
    assert torch.equal(torch.from_numpy(there).float(), state)
    env.close()


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
            "pictures": torch.full((3 + number, 64, 64, 3), number, dtype=torch.uint8),
        }
        about = {"object": "x", "success": number == 2, "ending": "-"}
        write_folder(trial_folder(tmp_path, number), KIND, about, tensors)
    episodes = read_episodes(tmp_path, "state")
    home = 1 + header["config"]["success"]
    assert len(episodes) == home
    assert episodes.lengths[-1] == 4
    torch.testing.assert_close(episodes.scenes[-1, 4], torch.tensor([0.4, 0.0, 1.0, 0.0]))
    assert read_episodes(tmp_path, "image").scenes[-1, 4].unique().tolist() == [2]
    collect_goals(config, tmp_path, on_trials=lambda count: None)  # nothing is missing
    with pytest.raises(CheckpointError, match="no demonstrations"):
        read_episodes(tmp_path / "nowhere", "state")
    with pytest.raises(UnknownNameError, match="image"):
        read_episodes(tmp_path, "images")


@pytest.fixture
def policy(tmp_path):
    episodes = numbered()
    config = goal_run("goalnet", episodes, sizes=TINY, steps=1, contexts=4)
    train_goals(config, tmp_path / "policy", episodes)
    return tmp_path / "policy"


def test_a_trial_is_the_same_again_and_its_record_is_consistent(policy):
    model, config = load_goal_policy(policy), trials_of("seen", 2, 0)
    first, again = (run_goal_trial(model, config, 1, writing="every-step") for _ in range(2))
    assert first == again
    assert first.pushes == len(first.truly) == len(first.detected) <= 30
    assert first.truly[-1] == (first.distance <= 0.04)
    assert not any(first.truly[:-1])


def test_the_command_tries_both_ways_and_writes_what_it_found(policy, tmp_path, capsys):
    file = tmp_path / "found" / "goals.json"
    words = ["evaluate", "goalnet", str(policy), "--trials", "1", "--json", str(file)]
    assert main(words) == 0
    found = json.loads(file.read_text())["policies"][str(policy)]
    assert found["scene"] == "state"
    assert {"every-step", "once"} < set(found)
    assert len(found["once"]["trials"]) == 1
    said = capsys.readouterr().out
    assert said.count("success") == 2
    assert main(["evaluate", "goalnet", str(tmp_path / "none")]) != 0
    assert main(["train", "goalnet", "goalnet", "--demonstrations", "x", "--out", "y"]) != 0
    assert main(["collect", "goals", "--out", str(file.parent), "--planner", "none"]) == 2


def test_the_detector_is_scored_over_trials_and_pushes():
    def trial(success, truly, detected):
        return GoalTrial(
            number=0,
            object="x",
            success=success,
            left_table=False,
            distance=0.1,
            pushes=len(truly),
            truly=truly,
            detected=detected,
        )

    found = detector_scores(
        [
            trial(True, (False, True), (False, True)),
            trial(True, (False, True), (False, False)),
            trial(False, (False, False), (True, False)),
            trial(False, (False,), (False,)),
        ]
    )
    assert found["accuracy"] == 0.5
    assert found["recall"] == 0.5
    assert found["reported"] == 0.5
    assert found["push_accuracy"] == pytest.approx(5 / 7)
    assert found["push_recall"] == 0.5
    assert detector_scores([trial(False, (False,), (False,))])["recall"] is None
