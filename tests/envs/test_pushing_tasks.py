"""The pushing tasks: goals, obstacles, endings, options."""

import math

import numpy as np
import pytest

pytest.importorskip("pybullet")

from hyperdyn.assets.objects import TEST_IDS, TRAINING_IDS, load_object
from hyperdyn.envs.pushing import Push, PushObstacles
from hyperdyn.envs.pushing.layout import free_course, obstacle_course
from hyperdyn.errors import HyperdynError, InputError, UnknownNameError


@pytest.fixture(params=[Push, PushObstacles])
def env(request):
    env = request.param()
    yield env
    env.close()


@pytest.fixture
def free():
    env = Push()
    yield env
    env.close()


def toward(env, point):
    """A push of 6 cm of the rod towards a point."""
    way = np.asarray(point) - env.world.tip()[:2]
    return np.append(way / np.linalg.norm(way), 0.0)


def test_hidden_properties_come_from_the_papers_ranges_and_their_splits(env):
    for split, ids in (("seen", TRAINING_IDS), ("novel", TEST_IDS)):
        for seed in range(20):
            context = env.reset(seed=seed, options={"split": split})[1]["context"]
            assert 300.0 <= context["mass"] <= 1000.0
            assert 8e-4 <= context["friction"] <= 12e-4
            assert {context["object"], *context["obstacles"]} <= set(ids)


def test_the_start_is_as_in_the_paper(env):
    for seed in range(20):
        state, _ = env.reset(seed=seed)
        assert (np.abs(state[:2]) <= 0.2).all()
        assert 0.06 <= math.dist(state[:2], state[13:15]) <= 0.10
        assert env.world.rod_clearance() > 0.0
        np.testing.assert_array_equal(state[7:13], 0.0)


def test_goals_are_5_to_25_cm_away_without_obstacles(free):
    distances = [free.reset(seed=seed)[1]["distance"] for seed in range(60)]
    assert 0.05 <= min(distances) < 0.12
    assert 0.2 < max(distances) <= 0.25


def test_a_goal_stands_where_the_info_says(free):
    _, info = free.reset(seed=0, options={"goal": (0.1, -0.05)})
    assert info["goal"] == (0.1, -0.05)
    state, reward, *_, info = free.step(np.zeros(3))
    assert info["distance"] == pytest.approx(math.dist(state[:2], (0.1, -0.05)))
    assert reward == pytest.approx(-info["distance"])


def test_obstacles_block_the_way_and_leave_start_and_goal_free(rng_of_numpy):
    radii = (0.055, 0.05, 0.06)
    for _ in range(50):
        course = obstacle_course(radii, None, rng_of_numpy)
        first, second = course.obstacles
        assert 0.24 <= math.dist(course.start, course.goal) <= 0.40
        assert (np.abs(first - (course.start + course.goal) / 2) <= 0.02).all()
        assert 0.15 <= math.dist(first, second) <= 0.25
        for obstacle, radius in ((first, radii[1]), (second, radii[2])):
            for point in (course.start, course.goal):
                assert math.dist(obstacle, point) > radii[0] + radius


@pytest.fixture
def rng_of_numpy():
    return np.random.default_rng(0)


def test_a_course_that_does_not_fit_is_refused(rng_of_numpy):
    with pytest.raises(InputError, match="nearer to the centre"):
        obstacle_course((0.15, 0.15, 0.15), np.array([0.3, 0.3]), rng_of_numpy)
    with pytest.raises(InputError, match="No goal"):
        free_course(np.array([0.9, 0.9]), None, rng_of_numpy)


def test_reaching_the_goal_is_success_and_ends_the_episode(free):
    state, _ = free.reset(seed=1, options={"object": "mit-rect1", "mass": 900.0})
    way = state[:2] - state[13:15]
    way /= np.linalg.norm(way)
    pushed = free.reset(seed=1, options={"object": "mit-rect1", "mass": 900.0})
    for _ in range(2):
        pushed = free.step(np.append(way, 0.0))
    end = pushed[0][:2]
    assert np.linalg.norm(end - state[:2]) > 0.045
    free.reset(seed=1, options={"object": "mit-rect1", "mass": 900.0, "goal": end})
    outcomes = [free.step(np.append(way, 0.0)) for _ in range(2)]
    assert outcomes[-1][2] is True
    assert outcomes[-1][4]["success"] is True
    assert outcomes[-1][4]["distance"] < 1e-12


def test_touching_an_obstacle_ends_the_episode_without_success():
    env = PushObstacles()
    collided = False
    for seed in range(20):
        env.reset(seed=seed, options={"object": "mit-rect1", "mass": 300.0})
        first = env.world.object_state(1)[:2]
        for _ in range(6):
            behind = env.world.object_state()[:2]
            *_, reward, terminated, _, info = env.step(toward(env, behind))
            if terminated:
                break
        if info["collided"]:
            collided = True
            assert terminated
            assert not info["success"]
            assert reward == pytest.approx(-1.0 - info["distance"])
            assert np.linalg.norm(env.world.object_state()[:2] - first) < 0.2
            break
    assert collided
    env.close()


def test_leaving_the_table_ends_the_episode_and_freezes_it():
    env = Push(goals=False)
    for seed in range(30):
        env.reset(seed=seed, options={"mass": 300.0, "friction": 1e-4})
        for _ in range(10):
            state, reward, terminated, _, info = env.step(toward(env, env.world.object_state()[:2]))
            if terminated:
                break
        if terminated:
            break
    assert info["left_table"]
    assert not info["diverged"]
    assert reward == -1.0
    assert state in env.observation_space
    again = env.step(np.ones(3))
    np.testing.assert_array_equal(again[0], state)
    assert again[4]["left_table"]
    env.close()


def test_without_goals_nothing_is_reached():
    env = Push(goals=False)
    _, info = env.reset(seed=0)
    assert "goal" not in info
    _, reward, terminated, _, info = env.step(np.zeros(3))
    assert (reward, terminated, info["success"]) == (0.0, False, False)
    env.close()


def test_actions_move_the_rod_by_at_most_6_cm_in_the_plane(free):
    for action in ([1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.5, 0.0, 0.0], [0.0, -1.0, 1.0]):
        state, _ = free.reset(seed=4, options={"mass": 300.0})
        away = free.world.tip()[:2] - state[:2]
        signs = np.where(away < 0, -1.0, 1.0)  # away from the object
        moved = free.step(np.array(action) * [*signs, 1.0])[0][13:] - state[13:]
        wanted = 0.06 * min(1.0, float(np.linalg.norm(action[:2])))
        assert np.linalg.norm(moved[:2]) == pytest.approx(wanted, abs=2e-4)
        assert abs(moved[2]) < 2e-4


def test_an_object_of_ones_own_can_be_given(free):
    _, info = free.reset(seed=0, options={"object": load_object("mug-5")})
    assert info["context"]["object"] == "mug-5"
    assert info["context"]["split"] == "given"
    assert free.world.shapes[0].id == "mug-5"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"object": "mug-99"}, UnknownNameError, "mug"),
        ({"object": "mug-1", "split": "seen"}, InputError, "not both"),
        ({"mass": -1.0}, InputError, "'mass' must be a positive number"),
        ({"mass": "heavy"}, InputError, "'mass' must be a positive number"),
        ({"friction": math.nan}, InputError, "'friction' must be a positive number"),
        ({"goal": (0.4, 0.0)}, InputError, "'goal' must be x and y within 0.3"),
        ({"goal": (math.nan, 0.0)}, InputError, "'goal' must be x and y"),
        ({"goal": "left"}, InputError, "'goal' must be x and y"),
    ],
)
def test_options_that_cannot_be_are_refused(free, options, error, text):
    with pytest.raises(error, match=text):
        free.reset(options=options)


def test_without_pybullet_the_extra_is_named(monkeypatch):
    from hyperdyn.envs.pushing import bullet

    bullet.load_pybullet.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "pybullet", None)
    with pytest.raises(HyperdynError, match=r"hyperdyn-toolkit\[push\]"):
        bullet.load_pybullet()
    monkeypatch.undo()
    bullet.load_pybullet.cache_clear()
