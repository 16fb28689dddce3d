"""Demonstrations: recorded once each whatever happens, read with checks, split by ids; experts."""

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from hyperdyn.envs.suite import GRIDS
from hyperdyn.errors import CheckpointError, HyperdynError, InputError, UnknownNameError
from hyperdyn.storage import TENSOR_FILE
from hyperdyn.training.demonstrations import collection
from hyperdyn.training.demonstrations.choice import choose
from hyperdyn.training.demonstrations.collection import Source, collect
from hyperdyn.training.demonstrations.configs import DemonstrationConfig
from hyperdyn.training.demonstrations.dataset import Demonstrations, ShardError, shard_folder
from hyperdyn.training.demonstrations.planner_expert import PlannerExpert, PlannerSettings
from hyperdyn.training.demonstrations.policy_expert import PolicyExpert, scaled_specification
from hyperdyn.training.demonstrations.recording import make_envs, record_specification, run_expert
from hyperdyn.training.demonstrations.sac_configs import SACConfig
from hyperdyn.training.seeds import seed_for

TINY = PlannerSettings(hold=3, horizon=2, samples=4, iterations=1, elites=2)
SOURCE = Source(planner=TINY)
CONFIG = DemonstrationConfig(
    task="finger-speed", expert="planner", trajectories=2, steps=7, ids=(3, 16, 0), seed=1
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demonstrations") / "finger"
    return folder, collect(CONFIG, SOURCE, folder, workers=1)


def policy(task="finger-speed", width=8):
    rng = torch.Generator().manual_seed(0)
    sizes = [9 + len(GRIDS[task].names), width, 2]
    layers = [
        (torch.randn(out, into, generator=rng), torch.randn(out, generator=rng))
        for into, out in itertools.pairwise(sizes)
    ]
    return PolicyExpert(task, layers, {"config": {"task": task}})


def test_what_is_read_is_what_the_expert_did(written):
    folder, shown = written
    assert shown.ids == (0, 3, 16)
    assert shown.names == ("speed",)
    assert shown.specifications.tolist() == [[-15.0], [-12.0], [2.0]]
    assert shown.observations.shape == (3, 2, 7, 9)
    assert shown.actions.shape == (3, 2, 7, 2)
    assert shown.meta.env_id == "hyperdyn/SuiteFingerSpeed-v0"
    assert shown.meta.expert == "planner"
    assert shown.meta.settings["samples"] == 4
    assert shown.meta.reward_scale == 7.0
    torch.testing.assert_close(shown.returns, shown.rewards.double().sum(2))
    # Played again, the actions bring what was recorded.
    env = make_envs(GRIDS["finger-speed"], 1)[0]
    recorded, _ = record_specification(CONFIG, 16, PlannerExpert(TINY))
    for name in ("observations", "actions", "rewards"):
        torch.testing.assert_close(recorded[name], getattr(shown, name)[2], rtol=0, atol=0)
    header = json.loads((shard_folder(folder, 16) / "config.json").read_text())["config"]
    assert header["returns"] == shown.returns[2].tolist()
    observation, _ = env.reset(seed=seed_for(1, "demonstrate", 16, 0, 0), options={"speed": 2.0})
    for step in range(7):
        seen = shown.observations[2, 0, step].double().numpy()
        np.testing.assert_allclose(seen, observation, rtol=1e-6, atol=1e-6)
        observation, reward, *_ = env.step(shown.actions[2, 0, step].numpy())
        assert shown.rewards[2, 0, step].item() == pytest.approx(reward, abs=1e-6)


def test_a_planner_holds_its_actions(written):
    actions = written[1].actions
    torch.testing.assert_close(actions[:, :, 0], actions[:, :, 2])
    assert not torch.equal(actions[:, :, 2], actions[:, :, 3])


def test_splits_are_rows_of_the_explicit_ids(written):
    shown = written[1]
    for number in range(GRIDS["finger-speed"].split_numbers):
        train, test = shown.split(number)
        assert [shown.ids[row] for row in train] == [
            row for row in GRIDS["finger-speed"].ids("train", number) if row in (0, 3, 16)
        ]
        assert sorted(train + test) == [0, 1, 2]
    with pytest.raises(InputError, match="number 7"):
        shown.split(7)


def test_finished_shards_stay_and_missing_ones_are_made_with_the_same_numbers(written, tmp_path):
    _, whole = written
    folder = tmp_path / "part"
    counted = []
    collect(CONFIG, SOURCE, folder, workers=1, on_episodes=counted.append)
    kept = (shard_folder(folder, 3) / TENSOR_FILE).stat().st_mtime_ns
    for file in shard_folder(folder, 16).iterdir():
        file.unlink()
    shard_folder(folder, 16).rmdir()
    with pytest.raises(ShardError, match=r"lacks 1 of 3 specifications \(ids 16\)"):
        Demonstrations.read(folder)
    again = collect(CONFIG, SOURCE, folder, workers=1, on_episodes=counted.append)
    assert (shard_folder(folder, 3) / TENSOR_FILE).stat().st_mtime_ns == kept
    assert counted == [2] * 6
    torch.testing.assert_close(again.actions, whole.actions, rtol=0, atol=0)
    torch.testing.assert_close(again.rewards, whole.rewards, rtol=0, atol=0)


def test_killed_at_any_moment_it_goes_on_with_none_lost_and_none_twice(written, tmp_path):
    _, whole = written
    folder = tmp_path / "killed"
    code = (
        "import dataclasses, pathlib, sys\n"
        "from hyperdyn.training.demonstrations.collection import Source, collect\n"
        "from hyperdyn.training.demonstrations.configs import DemonstrationConfig\n"
        "from hyperdyn.training.demonstrations.planner_expert import PlannerSettings\n"
        f"config = DemonstrationConfig(**{dataclasses.asdict(CONFIG)!r})\n"
        f"source = Source(planner=PlannerSettings(**{dataclasses.asdict(TINY)!r}))\n"
        "collect(config, source, pathlib.Path(sys.argv[1]), workers=1)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    deadline = time.monotonic() + 120
    while not (shard_folder(folder, 0) / "config.json").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    shown = collect(CONFIG, SOURCE, folder, workers=1)
    torch.testing.assert_close(shown.observations, whole.observations, rtol=0, atol=0)
    torch.testing.assert_close(shown.actions, whole.actions, rtol=0, atol=0)
    assert sorted(path.name for path in folder.glob("specification-*")) == [
        "specification-0000",
        "specification-0003",
        "specification-0016",
    ]


def test_several_processes_give_the_same_numbers(written, tmp_path):
    shown = collect(CONFIG, SOURCE, tmp_path / "two", workers=2)
    torch.testing.assert_close(shown.actions, written[1].actions, rtol=0, atol=0)


def test_a_damaged_shard_is_named_with_how_to_mend_it(tmp_path):
    folder = tmp_path / "damaged"
    collect(dataclasses.replace(CONFIG, ids=(3, 16)), SOURCE, folder, workers=1)
    file = shard_folder(folder, 16) / TENSOR_FILE
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    for act in (
        lambda: Demonstrations.read(folder),
        lambda: collect(dataclasses.replace(CONFIG, ids=(3, 16)), SOURCE, folder, workers=1),
    ):
        with pytest.raises(ShardError, match=r"specification 16 .*damaged.*Delete .*-0016"):
            act()


def test_other_demonstrations_are_not_mixed_in(written):
    folder, _ = written
    for config, source in (
        (dataclasses.replace(CONFIG, seed=2), SOURCE),
        (CONFIG, Source(planner=dataclasses.replace(TINY, samples=5))),
    ):
        with pytest.raises(CheckpointError, match="other demonstrations"):
            collect(config, source, folder, workers=1)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="not empty"):
        collect(CONFIG, SOURCE, tmp_path, workers=1)
    with pytest.raises(CheckpointError, match=r"has no demonstrations\.json"):
        Demonstrations.read(tmp_path)


def test_an_episode_that_diverges_is_begun_anew():
    class Breaking:
        begun = 0

        def begin(self, envs, generator):
            self.begun += 1
            self.envs = envs
            self.steps = 0

        def act(self, observations):
            self.steps += 1
            if self.begun == 1 and self.steps == 3:
                self.envs[1].data.qvel[0] = np.inf
            return torch.zeros(len(self.envs), 2)

    expert = Breaking()
    recorded, attempts = record_specification(CONFIG, 3, expert)
    assert attempts == [1, 2]
    assert recorded["observations"].shape == (2, 7, 9)
    assert recorded["observations"].isfinite().all()
    assert len(expert.envs) == 1

    class Hopeless(Breaking):
        def act(self, observations):
            for env in self.envs:
                env.data.qvel[0] = np.inf
            return torch.zeros(len(self.envs), 2)

    with pytest.raises(HyperdynError, match="diverged in 10 attempts"):
        record_specification(CONFIG, 3, Hopeless())


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"task": "cheetah-sped"}, UnknownNameError),
        ({"expert": "td3"}, UnknownNameError),
        ({"ids": (0, 0)}, InputError),
        ({"ids": (30,)}, InputError),
        ({"trajectories": 0}, InputError),
    ],
)
def test_what_cannot_be_collected_is_refused(change, error):
    with pytest.raises(error):
        dataclasses.replace(CONFIG, **change)


def test_a_policy_reads_its_specification_and_is_saved_whole(tmp_path):
    expert = policy()
    expert.write(tmp_path / "policy")
    read = PolicyExpert.read(tmp_path / "policy")
    assert len(read.settings["sha256"]) == 64
    grid = GRIDS["finger-speed"]
    envs = make_envs(grid, 2)
    options = [{"speed": -15.0}, {"speed": 15.0}]
    shown = run_expert(envs, [0, 0], options, 1, read, torch.Generator())
    by_hand = []
    for episode, option in zip(shown, options, strict=True):
        scaled = (option["speed"] - grid.values().mean()) / grid.values().std()
        hidden = torch.cat([episode["observations"][0], torch.tensor([scaled]).float()])
        (weight, bias), (last, end) = expert.layers
        by_hand.append(torch.tanh(last @ torch.relu(weight @ hidden + bias) + end))
        torch.testing.assert_close(episode["actions"][0], by_hand[-1])
    assert not torch.allclose(*by_hand)


def test_the_expert_that_returns_more_is_chosen_once(tmp_path, monkeypatch):
    policy("finger-speed").write(tmp_path / "policy")
    monkeypatch.setitem(collection.PLANNERS, "finger", TINY)
    name, found = choose("finger-speed", tmp_path / "policy", tmp_path / "out", steps=6, seed=0)
    assert name == max(found, key=found.get)
    stored = tmp_path / "out" / "choice.json"
    stored.write_text(json.dumps({"planner": 1.0, "sac": 2.0}))
    again = choose("finger-speed", tmp_path / "policy", tmp_path / "out", steps=6, seed=0)
    assert again == ("sac", {"planner": 1.0, "sac": 2.0})


SMALL = SACConfig(
    task="finger-speed-length",
    rounds=2,
    round_steps=30,
    envs=3,
    learning_starts=15,
    batch=8,
    hidden=(8,),
    buffer=45,
    evaluated=2,
    episode_steps=6,
)


def test_training_an_expert_goes_on_to_the_same_weights(tmp_path):
    pytest.importorskip("stable_baselines3")
    from hyperdyn.training.demonstrations.sac_training import train_sac

    steps = []
    whole = train_sac(SMALL, tmp_path / "whole", on_steps=steps.append)
    assert sum(steps) == 60

    class StopError(Exception):
        pass

    def stop_in_the_second_round(count):
        seen.append(count)
        if sum(seen) > 40:
            raise StopError

    seen = []
    with pytest.raises(StopError):
        train_sac(SMALL, tmp_path / "cut", on_steps=stop_in_the_second_round)
    rest = []
    train_sac(SMALL, tmp_path / "cut", on_steps=rest.append)
    assert rest[0] == 30
    assert sum(rest) == 60
    first, second = (
        (tmp_path / name / "checkpoint" / TENSOR_FILE).read_bytes() for name in ("whole", "cut")
    )
    assert first == second
    assert PolicyExpert.read(whole).settings["config"]["task"] == SMALL.task
    rows = (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["steps"] for row in rows] == [30, 60]
    with pytest.raises(CheckpointError, match="other settings"):
        train_sac(dataclasses.replace(SMALL, batch=9), tmp_path / "cut")


def test_the_policy_taken_out_of_a_learner_acts_as_it_does():
    pytest.importorskip("stable_baselines3")
    from hyperdyn.training.demonstrations.sac_state import actor_layers
    from hyperdyn.training.demonstrations.sac_training import make_model

    model = make_model(SMALL)
    expert = PolicyExpert(SMALL.task, actor_layers(model), {})
    grid = GRIDS[SMALL.task]
    envs = make_envs(grid, 2)
    options = [{"speed": 4.0, "length": 0.3}, {"speed": 9.0, "length": 0.2}]
    shown = run_expert(envs, [0, 1], options, 3, expert, torch.Generator())
    for episode, option in zip(shown, options, strict=True):
        scaled = scaled_specification(grid, np.array([option["speed"], option["length"]]))
        for seen, done in zip(episode["observations"], episode["actions"], strict=True):
            conditioned = np.concatenate((seen.numpy(), scaled)).astype(np.float32)
            predicted, _ = model.predict(conditioned, deterministic=True)
            np.testing.assert_allclose(done.numpy(), predicted, atol=1e-6)


def test_relabelled_transitions_have_the_reward_of_their_new_speed():
    pytest.importorskip("stable_baselines3")
    from gymnasium.spaces import Box

    from hyperdyn.training.demonstrations.relabelling import RelabellingBuffer

    grid = GRIDS["finger-speed-length"]
    body = make_envs(grid, 1)[0]
    rows = np.array([[3.0, 0.2], [5.0, 0.4]])
    for share in (0.0, 1.0):
        buffer = RelabellingBuffer(
            8,
            Box(-9, 9, (11,), np.float32),
            Box(-1, 1, (2,), np.float32),
            n_envs=2,
            body=body,
            share=share,
        )
        buffer.rng = np.random.default_rng(0)
        for step in range(4):
            seen = np.zeros((2, 11))
            seen[:, 9:] = scaled_specification(grid, rows)
            buffer.add(
                seen,
                seen,
                np.zeros((2, 2)),
                np.full(2, 0.7),
                np.zeros(2),
                [{"velocity": 1.0 + step}, {"velocity": 2.0 + step}],
            )
        batch = buffer.sample(200)
        values = batch.observations[:, 9:].numpy() * grid.values().std(0) + grid.values().mean(0)
        assert set(values[:, 1].round(3)) == {0.2, 0.4}
        torch.testing.assert_close(batch.observations, batch.next_observations)
        if share:
            assert len(set(values[:, 0].round(3))) > 10
            rewards = batch.rewards[:, 0].numpy()
            possible = [np.clip(0.1 + 0.9 * v / values[:, 0], 0, 1) for v in range(1, 7)]
            assert np.min(np.abs(np.array(possible) - rewards), axis=0).max() < 1e-5
        else:
            assert set(values[:, 0].round(3)) == {3.0, 5.0}
            assert (batch.rewards == 0.7).all()
