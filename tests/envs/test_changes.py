"""Properties that change within an episode: by call, and by a schedule known at reset."""

import mujoco
import numpy as np
import pytest

import hyperdyn.envs
from hyperdyn.envs.locomotion import AntPier, CheetahBody, CheetahFlip, CheetahPier, CheetahSlope
from hyperdyn.errors import InputError, UnknownNameError

OTHERS = ("Push", "Suite", "CheetahVel", "AntDir")
WALKERS = [name for name in hyperdyn.envs.ENV_IDS if not any(other in name for other in OTHERS)]


def actions_of(env, count, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, *env.action_space.shape))


def equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("env_id", WALKERS)
def test_a_change_to_the_same_properties_changes_nothing(env_id):
    env = hyperdyn.envs.make(env_id).unwrapped
    ends = []
    for change in (False, True):
        _, info = env.reset(seed=0)
        for step, action in enumerate(actions_of(env, 40)):
            if change and step == 20:
                before = env.data.qpos.copy(), env.data.qvel.copy(), env.data.time
                env.change(**{name: info["context"][name] for name in env.property_names})
                assert env.data.time == before[2]
                np.testing.assert_array_equal(env.data.qpos, before[0])
                np.testing.assert_array_equal(env.data.qvel, before[1])
            observation, *_ = env.step(action)
        ends.append(observation)
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("env_id", WALKERS)
def test_a_schedule_is_drawn_at_reset_reported_and_repeated_by_its_seed(env_id):
    env = hyperdyn.envs.make(env_id)
    last = env.unwrapped.splits[-1]
    episodes = []
    for _ in range(2):
        schedule = {6: {"split": last}, 3: {"split": last}}
        _, info = env.reset(seed=4, options={"schedule": schedule})
        assert list(info["schedule"]) == [3, 6]
        assert info["schedule"][3]["split"] == last
        assert info["context"]["split"] == "seen"
        rows, told = [], {}
        for step, action in enumerate(actions_of(env, 9)):
            observation, *_, now = env.step(action)
            rows.append(observation)
            if "context" in now:
                told[step] = now["context"]
        assert list(told) == [3, 6]
        assert told[3]["split"] == last
        episodes.append((np.array(rows), info["schedule"][6]))
    np.testing.assert_array_equal(episodes[0][0], episodes[1][0])
    assert equal(episodes[0][1], episodes[1][1])
    _, info = env.reset(seed=4)
    assert "schedule" not in info
    assert not any("context" in env.step(action)[-1] for action in actions_of(env, 9))


def test_until_the_change_the_episode_is_the_one_without_and_then_no_more():
    env = CheetahFlip()
    rows = []
    for schedule in ({}, {10: {"signs": [-1.0] * 6}}):
        env.reset(seed=0, options={"signs": [1.0] * 6, "schedule": schedule})
        rows.append(np.array([env.step(action)[0] for action in actions_of(env, 20)]))
    np.testing.assert_array_equal(rows[0][:10], rows[1][:10])
    assert (np.abs(rows[0][10:] - rows[1][10:]).max(1) > 1e-3).all()


def test_what_is_not_named_stays():
    env = CheetahBody()
    _, info = env.reset(seed=0, options={"split": "extreme-high"})
    context = env.change(mass_scale=0.5)
    np.testing.assert_array_equal(context["damping_scale"], info["context"]["damping_scale"])
    assert (context["mass_scale"][0], context["split"]) == (0.5, "given")
    assert env.model.body_mass.sum() == pytest.approx(7.0, rel=1e-3)
    context = env.change(split="extreme-low", damping_scale=1.0)
    assert context["mass_scale"][0] in (0.2, 0.3)
    assert (context["damping_scale"][0], context["split"]) == (1.0, "extreme-low")


def test_blocks_go_on_from_where_they_are():
    env = AntPier()
    env.reset(seed=0)
    for action in actions_of(env, 60):
        env.step(action)
    depths = env.data.qpos[-8:].copy()
    assert np.abs(depths).max() > 0.01
    env.change(split="novel-low")
    np.testing.assert_array_equal(env.data.qpos[-8:], depths)
    assert (env.model.dof_damping[-8:] <= 0.1 * env.presets["floating"].damping_unit).all()


def test_only_the_slopes_ahead_change():
    env = CheetahSlope()
    env.reset(seed=0, options={"heights": [1.0] * 10})
    env.data.qpos[:2] = 4.0, 4.0 / 15 + 0.3
    mujoco.mj_step1(env.model, env.data)
    before = env.data.qpos.copy()
    heights = env.change(heights=[3.0] * 10)["heights"]
    np.testing.assert_array_equal(heights, [1.0] * 2 + [3.0] * 8)
    np.testing.assert_array_equal(env.data.qpos, before)
    assert env.data.ncon == 0
    heights = env.change(heights=[0.0] * 10)["heights"]
    np.testing.assert_array_equal(heights, [1.0] * 2 + [0.0] * 8)


def test_a_reward_after_a_change_is_what_was_travelled():
    env = CheetahPier()
    env.reset(seed=0)
    for step, action in enumerate(actions_of(env, 30)):
        if step == 15:
            env.change(split="novel-high")
        before = float(env.data.subtree_com[1, 0])
        _, reward, _, _, info = env.step(action)
        wanted = (info["com_x"] - before) / 0.01 - 0.05 * np.square(action).sum()
        assert reward == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ({0: {"split": "seen"}}, "numbers of steps"),
        ({2.5: {"split": "seen"}}, "numbers of steps"),
        ({"ten": {"split": "seen"}}, "numbers of steps"),
        ({10: "seen"}, "numbers of steps"),
        ([10], "numbers of steps"),
        ({10: {}}, "sets something"),
        ({10: {"dampin": [1.0] * 8}}, "Did you mean 'damping'"),
        ({10: {"damping": [1.0] * 7}}, "8 numbers"),
        ({10: {"schedule": {}}}, "schedule"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_at_reset(schedule, text):
    with pytest.raises(InputError, match=text):
        CheetahPier().reset(options={"schedule": schedule})


def test_a_change_that_cannot_be_is_refused():
    env = CheetahPier()
    with pytest.raises(InputError, match="reset"):
        env.change(split="seen")
    env.reset(seed=0)
    with pytest.raises(UnknownNameError, match="novel-high"):
        env.change(split="novel-hig")
    with pytest.raises(InputError, match="sets something"):
        env.change()
    with pytest.raises(InputError, match="not both"):
        env.change(split="seen", damping=[0.5] * 8, friction=[0.4] * 8)
