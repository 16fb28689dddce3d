"""What every environment of ours does, whatever its task: a new one joins by being registered."""

import copy
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import hyperdyn.envs
from hyperdyn.envs.locomotion import LocomotionEnv
from hyperdyn.envs.meta.base import MetaEnv
from hyperdyn.envs.suite import GRIDS
from hyperdyn.envs.suite.base import SuiteEnv
from hyperdyn.errors import InputError, UnknownNameError

MUJOCO = (LocomotionEnv, MetaEnv, SuiteEnv)
# Of the suite's tasks those that vary everything; the others are the same classes with less.
LESS = {grid.env_id for grid in GRIDS.values() if len(grid.names) == 1}
IDS = [env_id for env_id in hyperdyn.envs.ENV_IDS if env_id not in LESS]
pytestmark = pytest.mark.parametrize("env_id", IDS)


@pytest.fixture
def env(env_id):
    env = hyperdyn.envs.make(env_id)
    yield env
    env.close()


def play(env, steps, action_seed=0, **reset):
    """Observations, rewards and the first info of an episode of uniform actions."""
    actions = np.random.default_rng(action_seed)
    observation, first_info = env.reset(**reset)
    observations, rewards = [observation], []
    for _ in range(steps):
        action = actions.uniform(-1, 1, env.action_space.shape)
        observation, reward, terminated, truncated, info = env.step(action)
        assert not info["diverged"]
        observations.append(observation)
        rewards.append(reward)
        if terminated or truncated:
            break
    return np.array(observations), np.array(rewards), first_info


def properties(env, info):
    """The part of the context that can be given back through reset options."""
    return {name: info["context"][name] for name in env.unwrapped.property_names}


def splits(env):
    """What the environment's option "split" takes."""
    return getattr(env.unwrapped, "splits", hyperdyn.envs.SPLITS)


def equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


def test_gymnasium_finds_nothing_to_warn_of(env, gl):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=not gl)


def test_names_fit_the_spaces(env):
    bare = env.unwrapped
    assert (len(bare.observation_names),) == env.observation_space.shape
    assert (len(bare.action_names),) == env.action_space.shape
    assert len(set(bare.observation_names)) == len(bare.observation_names)
    assert set(bare.constant_observations) <= set(bare.observation_names)
    assert bare.time_step > 0


def test_one_seed_is_one_trajectory(env_id, env):
    other = hyperdyn.envs.make(env_id)
    play(other, 3, seed=99)
    first, again = play(env, 60, seed=5), play(other, 60, seed=5)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert equal(first[2]["context"], again[2]["context"])


def test_an_episode_is_repeated_by_giving_its_context_back(env):
    drawn = play(env, 60, seed=5)
    given = play(env, 60, seed=5, options=properties(env, drawn[2]))
    np.testing.assert_array_equal(drawn[0], given[0])
    assert equal(properties(env, drawn[2]), properties(env, given[2]))


def test_seeds_differ_in_start_and_context(env):
    assert not np.array_equal(env.reset(seed=1)[0], env.reset(seed=2)[0])
    # Some properties take a few values only: now and then two seeds have the same.
    for seeds in (range(12), [None] * 12):
        drawn = [properties(env, env.reset(seed=seed)[1]) for seed in seeds]
        assert sum(not equal(drawn[0], other) for other in drawn) > 3


def test_every_split_is_drawn_from_and_reported(env):
    for split in splits(env):
        _, info = env.reset(seed=0, options={"split": split})
        assert info["context"]["split"] == split
        assert env.reset(seed=0)[1]["context"]["split"] == splits(env)[0]


def test_the_start_is_the_same_on_all_ground(env):
    if not isinstance(env.unwrapped, LocomotionEnv):
        pytest.skip("where an object can start depends on the object")
    # But for where the centre of mass lies, if masses are hidden.
    names = env.unwrapped.observation_names
    placed = [column for column, name in enumerate(names) if not name.startswith("com_")]
    starts = [env.reset(seed=3, options={"split": split})[0] for split in splits(env)]
    for start in starts[1:]:
        np.testing.assert_array_equal(start[placed], starts[0][placed])


def test_what_is_returned_is_the_callers_own(env):
    def episode(spoil):
        observation, info = env.reset(seed=0)
        seen, actions = [], np.random.default_rng(0)
        for _ in range(20):
            if spoil:
                arrays = [v for v in info.get("context", {}).values() if isinstance(v, np.ndarray)]
                for array in (observation, *arrays):
                    array += 1.0
            action = actions.uniform(-1, 1, env.action_space.shape)
            observation, reward, _, _, info = env.step(action)
            action += 1.0
            seen.append((observation.copy(), reward, dict(info)))
        return seen

    for kept, spoilt in zip(episode(spoil=False), episode(spoil=True), strict=True):
        np.testing.assert_array_equal(kept[0], spoilt[0])
        assert kept[1:] == spoilt[1:]
        assert kept[0].dtype == env.observation_space.dtype == np.float64


def test_random_play_stays_in_the_space_and_moves_every_column(env):
    names = np.array(env.unwrapped.observation_names)
    spread = np.zeros(len(names))
    for seed in range(12):
        rows, rewards, _ = play(env, 200, seed=seed)
        assert all(row in env.observation_space for row in rows)
        assert np.isfinite(rewards).all()
        spread = np.maximum(spread, np.ptp(rows, axis=0))
        constant = set(names[spread < 1e-9])
        if seed >= 2 and constant == set(env.unwrapped.constant_observations):
            return
    pytest.fail(f"{constant} never move")


def test_only_its_own_generator_is_drawn_from(env):
    before = copy.deepcopy(np.random.get_state(legacy=False))
    play(env, 5, seed=0)
    play(env, 5)
    np.testing.assert_equal(np.random.get_state(legacy=False), before)


def nan_position(env):
    if isinstance(env, MUJOCO):
        env.data.qpos[-1] = np.nan
    else:
        world = env.world
        turned = world.object_state()[3:7]
        at = [np.nan, 0.0, 0.1]
        world.call("resetBasePositionAndOrientation", world.bodies[0], at, turned)


def infinite_velocity(env):
    if isinstance(env, MUJOCO):
        env.data.qvel[0] = np.inf
    else:
        env.world.call("resetBaseVelocity", env.world.bodies[0], [np.inf, 0.0, 0.0])


def huge_velocity(env):
    if isinstance(env, MUJOCO):
        env.data.qvel[-1] = 1e6
    else:
        env.world.call("resetBaseVelocity", env.world.bodies[0], [0.0, 0.0, 1e6])


def huge_acceleration(env):
    if isinstance(env, MUJOCO):
        env.data.qfrc_applied[-1] = 1e30
    else:
        body, world_frame = env.world.bodies[0], env.world.constant("WORLD_FRAME")
        force = [0.0, 0.0, 1e30]
        env.world.call("applyExternalForce", body, -1, force, [0.0] * 3, world_frame)


@pytest.mark.parametrize(
    "break_state", [nan_position, infinite_velocity, huge_velocity, huge_acceleration]
)
def test_divergence_ends_the_episode_and_says_so(env, break_state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    action = np.ones(env.action_space.shape)
    for steps_before in (0, 3):
        observation, _ = env.reset(seed=0)
        for _ in range(steps_before):
            observation, _, terminated, _, info = env.step(action)
            assert (terminated, info["diverged"]) == (False, False)
        last_valid = observation.copy()
        observation += 1.0
        break_state(env.unwrapped)
        for _ in range(2):
            observation, reward, terminated, truncated, info = env.step(action)
            assert (terminated, truncated, info["diverged"]) == (True, False, True)
            np.testing.assert_array_equal(observation, last_valid)
            assert np.isfinite(reward)
    assert list(tmp_path.iterdir()) == []
    assert np.isfinite(env.reset(seed=0)[0]).all()
    assert env.step(action)[2] is False


def test_a_misspelt_option_is_answered_with_the_nearest(env):
    with pytest.raises(InputError, match="Did you mean 'split'"):
        env.reset(options={"spilt": splits(env)[0]})
    last = splits(env)[-1]
    with pytest.raises(UnknownNameError, match=f"Did you mean '{last}'"):
        env.reset(options={"split": last[:-1]})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_action_that_is_not_finite_is_refused(env, value):
    env.reset(seed=0)
    action = np.zeros(env.action_space.shape)
    action[-1] = value
    with pytest.raises(InputError, match="finite"):
        env.step(action)


def test_an_action_of_another_shape_is_refused(env):
    env.reset(seed=0)
    for action in (np.zeros(1), np.zeros((1, *env.action_space.shape)), "left"):
        with pytest.raises(InputError, match="action"):
            env.unwrapped.step(action)


def test_actions_are_clipped_to_the_space(env):
    env.reset(seed=0)
    beyond = [env.step(np.full(env.action_space.shape, 3.0)) for _ in range(3)]
    env.reset(seed=0)
    at_the_end = [env.step(np.ones(env.action_space.shape)) for _ in range(3)]
    for one, other in zip(beyond, at_the_end, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1] == other[1]


def test_the_ground_must_be_drawn_before_a_step(env):
    with pytest.raises(InputError, match="reset"):
        env.unwrapped.step(np.zeros(env.action_space.shape))


def test_episodes_are_truncated_at_the_registered_length(env):
    env.reset(seed=0)
    limit = env.spec.max_episode_steps
    flags = [env.step(np.zeros(env.action_space.shape))[2:4] for _ in range(limit)]
    assert flags == [(False, False)] * (limit - 1) + [(False, True)]


def test_pictures_follow_the_state(env_id, gl):
    if not gl:
        pytest.skip("no off-screen OpenGL on this machine")
    env = gymnasium.make(env_id, render_mode="rgb_array", width=96, height=64)
    env.reset(seed=0)
    first = env.render()
    for _ in range(20):
        env.step(env.action_space.high)
    later = env.render()
    env.reset(seed=0)
    again = env.render()
    env.close()
    assert first.shape == (64, 96, 3)
    assert first.dtype == np.uint8
    assert (first != later).any()
    np.testing.assert_array_equal(first, again)
