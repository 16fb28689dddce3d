"""Cheetah-Vel and Ant-Dir: the published tasks, how one is chosen, what is rewarded."""

import numpy as np
import pytest

import hyperdyn.envs
from hyperdyn.envs.meta import FAMILIES
from hyperdyn.errors import InputError

CHEETAH, ANT = "cheetah-vel", "ant-dir"
# As Prompt-DT's task files have them.
TEST_VALUES = {
    CHEETAH: (0.225, 0.6, 1.2, 1.8, 2.025),
    ANT: (0.2454, 1.7781, 0.9042, 3.5688, 4.1419),
}


@pytest.fixture(params=[CHEETAH, ANT])
def family(request):
    return FAMILIES[request.param]


@pytest.fixture
def env(family):
    env = hyperdyn.envs.make(family.env_id)
    yield env.unwrapped
    env.close()


def test_the_published_tasks_are_there(family):
    trained, held_out = family.ids("train"), family.ids("test")
    assert (len(trained), len(held_out)) == {CHEETAH: (35, 5), ANT: (45, 5)}[family.name]
    assert sorted((*trained, *held_out)) == list(range(len(family.values)))
    assert tuple(family.values[i] for i in held_out) == TEST_VALUES[family.name]
    low, high = family.bounds
    assert all(low <= value <= high for value in family.values)


def test_cheetahs_velocities_are_evenly_spaced():
    values = FAMILIES[CHEETAH].values
    np.testing.assert_allclose(np.diff(values), 0.075)
    assert (values[0], values[-1]) == (0.075, 3.0)


def test_fewer_training_tasks_still_cover_the_range(family):
    for count in (1, 10, 15, 25, 35):
        ids = family.training(count)
        assert len(set(ids)) == count
        assert list(ids) == sorted(ids)
        assert not set(ids) & set(family.test)
    values = sorted(family.values[i] for i in family.training(10))
    assert np.diff(values).max() < 0.25 * (family.bounds[1] - family.bounds[0])
    assert family.training(len(family.ids("train"))) == family.ids("train")
    with pytest.raises(InputError, match=f"{len(family.ids('train'))} training tasks"):
        family.training(len(family.values))


def test_a_task_is_chosen_by_index_value_or_split(family, env):
    name = family.variable
    assert env.reset(options={"task": 7})[1]["context"] == {
        name: family.values[7],
        "split": "given",
        "task": 7,
    }
    assert env.reset(options={name: 1.5})[1]["context"] == {name: 1.5, "split": "given"}
    drawn = {
        env.reset(seed=seed, options={"split": "test"})[1]["context"]["task"] for seed in range(40)
    }
    assert drawn == set(family.test)
    assert env.reset(seed=0)[1]["context"]["task"] in family.ids("train")


def test_tasks_that_cannot_be_are_refused(family, env):
    count, name = len(family.values), family.variable
    for task in (-1, count, 0.5, "first"):
        with pytest.raises(InputError, match=f"0 to {count - 1}"):
            env.reset(options={"task": task})
    for value in (-0.1, 7.0):
        with pytest.raises(InputError, match="must lie in"):
            env.reset(options={name: value})
    with pytest.raises(InputError, match="Give one of"):
        env.reset(options={"task": 1, "split": "train"})


def test_a_seed_is_a_start_whatever_the_task(family, env):
    starts = [env.reset(seed=3, options={"task": task})[0] for task in (0, 20)]
    np.testing.assert_array_equal(*starts)


def test_tasks_differ_in_the_reward_alone(family, env):
    def play(task):
        env.reset(seed=0, options={"task": task})
        actions = np.random.default_rng(0)
        size = len(env.action_names)
        moved = [env.step(actions.uniform(-0.3, 0.3, size)) for _ in range(10)]
        return np.stack([one[0] for one in moved]), np.array([one[1] for one in moved])

    one, other = play(1), play(20)
    np.testing.assert_array_equal(one[0], other[0])
    assert (one[1] != other[1]).all()


def test_a_control_step_is_a_twentieth_of_a_second(env):
    env.reset(seed=0)
    before = env.data.time
    env.step(np.zeros(len(env.action_names)))
    assert env.data.time - before == pytest.approx(env.time_step) == 0.05


def test_cheetahs_are_rewarded_for_the_velocity():
    env = hyperdyn.envs.make(FAMILIES[CHEETAH].env_id).unwrapped
    env.reset(seed=0, options={"velocity": 1.0})
    before = env.data.qpos[0]
    action = np.array([0.5, -0.5, 0.2, 0.0, 1.0, -2.0])  # the last one is clipped to -1
    observation, reward, _, _, info = env.step(action)
    speed = (env.data.qpos[0] - before) / 0.05
    assert info["velocity_x"] == pytest.approx(speed)
    assert info["velocity_y"] == 0.0
    squares = 0.25 + 0.25 + 0.04 + 1.0 + 1.0
    assert reward == pytest.approx(-abs(speed - 1.0) - 0.05 * squares)
    names = env.observation_names
    assert observation[names.index("torso_x")] == pytest.approx(env.data.qpos[0])
    assert observation[names.index("torso_z")] == pytest.approx(0.7 + env.data.qpos[1])


def test_ants_are_rewarded_for_moving_along_the_direction():
    env = hyperdyn.envs.make(FAMILIES[ANT].env_id).unwrapped
    found = {}
    for direction in (0.0, np.pi / 2, np.pi):
        env.reset(seed=0, options={"direction": direction})
        before = env.data.qpos[:2].copy()
        _, found[direction], _, _, info = env.step(np.full(8, 0.5))
        velocity = (env.data.qpos[:2] - before) / 0.05
    assert (info["velocity_x"], info["velocity_y"]) == pytest.approx(tuple(velocity))
    rest = (found[0.0] + found[np.pi]) / 2  # 1 for being alive, less the costs
    assert found[0.0] - rest == pytest.approx(velocity[0])
    assert found[np.pi / 2] - rest == pytest.approx(velocity[1])
    contact = 1.0 - 0.5 * 8 * 0.25 - rest
    assert 0.0 <= contact <= 5e-4 * 14 * 6


def test_standing_costs_an_ant_what_touches_the_ground():
    env = hyperdyn.envs.make(FAMILIES[ANT].env_id).unwrapped
    env.reset(seed=0, options={"direction": 0.0})
    for _ in range(30):
        _, reward, terminated, _, info = env.step(np.zeros(8))
    assert not terminated
    contact = 1.0 + info["velocity_x"] - reward
    assert 1e-5 < contact < 5e-4 * 14 * 6


def test_an_ant_that_is_thrown_or_lies_flat_has_ended():
    env = hyperdyn.envs.make(FAMILIES[ANT].env_id).unwrapped
    for height, ended in ((0.75, False), (1.3, True)):
        env.reset(seed=0)
        env.data.qpos[2] = height
        _, _, terminated, _, info = env.step(np.zeros(8))
        assert (terminated, info["diverged"]) == (ended, False)


def test_an_ants_quaternion_has_w_last():
    env = hyperdyn.envs.make(FAMILIES[ANT].env_id).unwrapped
    observation, _ = env.reset(seed=0)
    assert observation[0] == pytest.approx(env.data.qpos[2])
    np.testing.assert_allclose(observation[1:5], env.data.qpos[[4, 5, 6, 3]])
    np.testing.assert_allclose(np.linalg.norm(observation[1:5]), 1.0)
