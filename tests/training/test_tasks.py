"""Task records: they say what the environments do; and what oracles are told."""

import numpy as np
import pytest
import torch

import hyperdyn.envs
from hyperdyn.envs import ENV_IDS
from hyperdyn.planners import CEM
from hyperdyn.training.collect import OracleAgent, RandomAgent, Reset, run_episodes
from hyperdyn.training.episodes import Episodes, json_context
from hyperdyn.training.tasks import TASKS

IDS = sorted(TASKS)
ALIVE = {True: 0.05, False: 0.0}


def recorded(env_id, options, steps=40, seed=0):
    agent = RandomAgent(TASKS[env_id].action_dim, torch.Generator().manual_seed(seed))
    return run_episodes(env_id, agent, [Reset(seed, options)], steps)


def test_every_locomotion_environment_has_a_task():
    others = ("hyperdyn/Push", "hyperdyn/Suite", "hyperdyn/CheetahVel", "hyperdyn/AntDir")
    assert set(IDS) == {name for name in ENV_IDS if not name.startswith(others)}


@pytest.mark.parametrize("env_id", IDS)
def test_a_task_is_as_its_environment(env_id):
    task, env = TASKS[env_id], hyperdyn.envs.make(env_id).unwrapped
    assert task.splits == env.splits
    assert task.action_dim == len(env.action_names)
    names = env.observation_names
    assert task.state_space.dim == len(names)
    assert names[task.progress_column] == "com_x"
    assert names[task.state_space.slice_of("com_z").start] == "com_z"
    joints = names[task.state_space.slice_of("joint_angles")]
    rates = names[task.state_space.slice_of("joint_velocities")]
    assert rates == tuple(f"{name}_velocity" for name in joints)
    assert names[task.state_space.slice_of("root_height").start] in ("rootz", "root_z")
    relative = {names[i] for i in task.state_space.relative_mask().nonzero()[:, 0].tolist()}
    assert relative == {names[0], "com_x", "com_y", "com_z"}
    assert task.state_space.additive  # the compiled rollouts want it


@pytest.mark.parametrize("env_id", IDS)
def test_the_objective_is_the_reward(env_id):
    task, episodes = TASKS[env_id], recorded(env_id, {})
    predicted = task.objective()(episodes.states[:, None], episodes.actions[:, None])[0, 0]
    # The ant's 0.05 a step is the same for every plan, and left out.
    expected = episodes.returns[0] - 40 * ALIVE["Ant" in env_id]
    assert predicted.item() == pytest.approx(expected.item(), rel=1e-3, abs=0.02)


@pytest.mark.parametrize("env_id", IDS)
def test_each_expert_is_for_a_system_of_the_training_range(env_id):
    task, env = TASKS[env_id], hyperdyn.envs.make(env_id)
    seen = [json_context(env.reset(seed=seed)[1]["context"]) for seed in range(40)]
    drawn = torch.cat([task.truth_at(context, torch.zeros(1)) for context in seen])
    assert 3 <= len(task.experts) <= 5
    assert len({expert.truth for expert in task.experts}) == len(task.experts)
    for expert in task.experts:
        context = json_context(env.reset(seed=0, options=dict(expert.options))[1]["context"])
        truth = task.truth_at(context, torch.tensor([0.0, 7.0, 25.0]))
        torch.testing.assert_close(truth, torch.tensor(expert.truth).expand(3, -1))
        assert (torch.tensor(expert.truth) >= drawn.amin(0) - 0.15).all()
        assert (torch.tensor(expert.truth) <= drawn.amax(0) + 0.15).all()
    env.close()


@pytest.mark.parametrize(
    ("env_id", "key", "unit"),
    [
        ("hyperdyn/CheetahSlope-v0", "grade", 15.0),
        ("hyperdyn/AntSlope-v0", "grade", 15.0),
        ("hyperdyn/AntPier-v0", "damping", 1.0),
    ],
)
def test_the_truth_is_that_of_the_ground_below(env_id, key, unit):
    task, env = TASKS[env_id], hyperdyn.envs.make(env_id).unwrapped
    context = json_context(env.reset(seed=3)[1]["context"])
    places = np.linspace(0.1, 27.0, 40)
    truth = task.truth_at(context, torch.tensor(places, dtype=torch.float32))[:, 0]
    below = [env._ground(x)[key] * unit for x in places]
    np.testing.assert_allclose(truth, below, rtol=1e-5)
    assert len(set(below)) > 5


def test_changes_within_an_episode_are_recorded_and_told(tmp_path):
    env_id, options = "hyperdyn/CheetahFlip-v0", {"schedule": {6: {"split": "extreme"}}}
    episodes = recorded(env_id, options, steps=12)
    (context,) = episodes.contexts
    (step,) = context["changes"]
    assert step == "6"
    assert (np.array(context["changes"]["6"]["signs"]) < 0).sum() == 3
    episodes.save(tmp_path / "episodes")
    loaded = Episodes.load(tmp_path / "episodes")
    assert loaded.contexts == episodes.contexts
    truths = TASKS[env_id].truths(loaded)[0]
    assert truths.shape == (13, 6)
    assert (truths[:7] == torch.tensor(context["signs"])).all()
    assert (truths[7:] == torch.tensor(context["changes"]["6"]["signs"])).all()


def test_after_a_change_the_oracle_expects_what_happens(rng):
    env_id, task = "hyperdyn/CheetahFlip-v0", TASKS["hyperdyn/CheetahFlip-v0"]
    agent = OracleAgent(CEM(horizon=6, samples=12, iterations=1, elites=4), task.objective(), rng)
    entered = []
    enter = agent.enter
    agent.enter = lambda envs: (entered.append(envs), enter(envs))
    options = {"signs": [1.0] * 6, "schedule": {5: {"split": "extreme"}}}
    resets = [Reset(seed, options) for seed in (0, 1)]
    episodes = run_episodes(env_id, agent, resets, 8)
    assert len(entered) == 2
    # The simulators it holds now predict what the last step did, and those of the start do not.
    states, actions = episodes.states[:, -2], episodes.actions[:, -1:, None].transpose(1, 2)
    ahead = agent._dynamics.rollout(states, actions)[:, 0, -1]
    velocities = task.state_space.slice_of("joint_velocities")
    off = (ahead - episodes.states[:, -1])[:, velocities].abs().amax(1)
    moved = (episodes.states[:, -1] - states)[:, velocities].abs().amax(1)
    assert (off < 0.05 * moved).all(), (off, moved)
