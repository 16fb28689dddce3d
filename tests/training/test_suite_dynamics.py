"""Dynamics of the control suite: states with all that rewards need, and a shown first round."""

import json
from dataclasses import replace

import pytest
import torch

pytest.importorskip("dm_control")

from hyperdyn import envs, load_generator
from hyperdyn.cli.main import main
from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.generators import build_generator
from hyperdyn.history import History
from hyperdyn.model import ModelConfig
from hyperdyn.training.collect import RandomAgent, Reset, run_episodes
from hyperdyn.training.demonstrations.collection import Source, collect
from hyperdyn.training.demonstrations.configs import DemonstrationConfig
from hyperdyn.training.demonstrations.dataset import Demonstrations
from hyperdyn.training.demonstrations.planner_expert import PlannerSettings
from hyperdyn.training.demonstrations.replay import (
    FIRST_ROUND,
    begin_with_demonstrations,
    replayed,
)
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.on_policy import train
from hyperdyn.training.presets import PRESETS, SUITE_KINDS
from hyperdyn.training.suite_states import suite_state_space
from hyperdyn.training.tasks import SUITE_TASKS, task_for
from hyperdyn.training.windows import fit_normaliser

PRESET = "finger-speed-hyperdynamics-reduced"
TASK = task_for("hyperdyn/SuiteFingerSpeed-v0")
TINY = PlannerSettings(hold=3, horizon=2, samples=4, iterations=1, elites=2)
SHOWN = DemonstrationConfig(
    task="finger-speed", expert="planner", trajectories=2, steps=50, ids=(0, 1, 16), seed=1
)
SMALL = replace(
    PRESETS[PRESET],
    iterations=2,
    decay_iterations=0,
    rollouts=2,
    steps=40,
    samples=8,
    horizon=4,
    epochs=1,
    final_updates=2,
    final_targets=4,
    final_unroll=2,
    model=replace(PRESETS[PRESET].model, dynamics_hidden=(8,), encoder_hidden=(8,)),
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite") / "shown"
    collect(SHOWN, Source(planner=TINY), folder, workers=1)
    return folder


@pytest.mark.parametrize(
    "env_id",
    [f"hyperdyn/Suite{name}-v0" for name in ("FingerSpeed", "WalkerSpeedLength", "CheetahLength")],
)
def test_the_objective_is_the_reward_and_the_state_begins_with_the_observation(env_id):
    task, env = task_for(env_id), envs.make(env_id)
    agent = RandomAgent(task.action_dim, torch.Generator().manual_seed(0))
    resets = [Reset(seed, {"split": "train"}) for seed in range(2)]
    recorded = run_episodes(env_id, agent, resets, 12)
    predicted = task.objective()(recorded.states[:, None], recorded.actions[:, None])[:, 0]
    torch.testing.assert_close(predicted, recorded.returns.float(), rtol=1e-4, atol=1e-4)
    observation, info = env.reset(seed=1, options={"split": "train"})
    own = task.state_space.slice_of("observation")
    for step in range(12):
        seen = torch.as_tensor(observation, dtype=torch.float32)
        torch.testing.assert_close(recorded.states[1, step, own], seen)
        observation = env.step(recorded.actions[1, step].numpy())[0]
    assert recorded.states[1, :, -1].unique().item() == pytest.approx(info["context"]["speed"])
    assert task.truths(recorded).unique().numel() <= 2
    assert task.splits == env.unwrapped.splits
    env.close()


def test_the_last_state_stands_after_a_divergence(monkeypatch):
    env = envs.make(TASK.env_id)
    monkeypatch.setattr("hyperdyn.training.collect.learnable", lambda made: spoilt(made))

    def spoilt(made):
        from hyperdyn.training.suite_states import SuiteStates

        monkeypatch.setattr(type(made.unwrapped), "_is_sane", lambda self: self.data.time < 0.1)
        return SuiteStates(made)

    agent = RandomAgent(2, torch.Generator().manual_seed(0))
    recorded = run_episodes(TASK.env_id, agent, [Reset(0, {})], 10)
    assert int(recorded.lengths[0]) < 10
    assert bool(recorded.states.isfinite().all())
    env.close()


def test_networks_do_not_see_the_target():
    config = ModelConfig(state_space=suite_state_space("finger"), action_dim=2)
    model = build_generator("hyperdynamics", config, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    resets = [Reset(seed, {"split": "train"}) for seed in range(3)]
    recorded = run_episodes(TASK.env_id, RandomAgent(2, generator), resets, 40)
    assert recorded.states[:, 0, -1].unique().numel() > 1
    fit_normaliser(model, recorded, generator)
    states, actions = recorded.states[:, :16], recorded.actions[:, :16]
    changed = states.clone()
    changed[..., -1] = 9.0
    plans = torch.rand(3, 4, 6, 2, generator=generator)
    one, other = (
        model.generate(History(seen, actions)).rollout(seen[:, -1], plans)
        for seen in (states, changed)
    )
    torch.testing.assert_close(one[..., :-1], other[..., :-1], rtol=0, atol=0)
    assert (other[..., -1] - 9).abs().max() < 1e-3  # and they leave it as it is
    assert (one[..., 1:, :-1] - one[..., :-1, :-1]).abs().max() > 1e-3


def test_what_is_played_again_is_what_was_shown(shown):
    source, found = Demonstrations.read(shown), replayed(shown, (1, 16), 30)
    assert found.lengths.tolist() == [25] * 8
    columns = TASK.state_space.slice_of("observation")
    for number in range(4):
        row, episode = 1 + number // 2, number % 2
        first, second = found[[2 * number]], found[[2 * number + 1]]
        torch.testing.assert_close(first.states[0, 25], second.states[0, 0])
        states = torch.cat([first.states[0, :25], second.states[0, :25]])
        torch.testing.assert_close(states[:, columns], source.observations[row, episode])
        actions = torch.cat([first.actions[0, :25], second.actions[0, :25]])
        torch.testing.assert_close(actions, source.actions[row, episode])
        rewards = torch.cat([first.rewards[0, :25], second.rewards[0, :25]])
        torch.testing.assert_close(rewards, source.rewards[row, episode])
    assert found.contexts[0]["speed"] == -14.0


def test_a_run_begins_with_training_specifications_and_ends_as_any(shown, tmp_path):
    out = tmp_path / "run"
    begin_with_demonstrations(SMALL, out, shown)
    first = Episodes.load(out / FIRST_ROUND)
    assert len(first) == 2 + 2 * 2 * 2  # rollouts; specifications, trajectories, pieces
    assert {context["speed"] for context in first.contexts[2:]} == {-14.0, 2.0}  # 0 is for testing
    begin_with_demonstrations(SMALL, out, shown)
    train(SMALL, out, resume=True)
    assert len(Episodes.load(out / "data" / "0001")) == 2
    assert load_generator(out).state_space == TASK.state_space
    before = load_generator(out).state_dict()
    train(SMALL, tmp_path / "plain")
    other = load_generator(tmp_path / "plain").state_dict()
    assert not all(torch.equal(before[name], other[name]) for name in before)
    with pytest.raises(CheckpointError, match="or with none"):
        begin_with_demonstrations(SMALL, tmp_path / "plain", shown)


def test_demonstrations_that_do_not_fit_are_refused(shown, tmp_path):
    other = PRESETS["cheetah-length-direct-reduced"]
    with pytest.raises(InputError, match="begins with finger-speed"):
        begin_with_demonstrations(other, tmp_path / "run", shown)
    collect(replace(SHOWN, ids=(0,)), Source(planner=TINY), tmp_path / "test", workers=1)
    with pytest.raises(InputError, match="no training specification"):
        begin_with_demonstrations(SMALL, tmp_path / "run", tmp_path / "test")
    assert not (tmp_path / "run").exists()


def test_the_command(shown, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(PRESETS, PRESET, SMALL)
    words = ["train", "dynamics", PRESET, "--demonstrations", str(shown)]
    words += ["--out", str(tmp_path / "run")]
    for _ in range(2):
        assert main(words) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["config"]["seed"] == 0
    assert main(["train", "dynamics", "cheetah-slope", *words[3:]]) == 2
    assert "no run of the control suite" in capsys.readouterr().err
    assert main([*words, "--seed", "-1"]) == 2


def test_every_task_has_presets_of_every_kind():
    names = [f"{task}-{kind}-reduced" for task in ("walker-length",) for kind in SUITE_KINDS]
    assert {PRESETS[name].env_id for name in names} == {"hyperdyn/SuiteWalkerLength-v0"}
    assert PRESETS["cheetah-speed-direct-reduced"].hold == 4
    assert len([name for name in PRESETS if PRESETS[name].env_id in SUITE_TASKS]) == 27
