"""The control suite: dm_control's bodies with the papers' rewards, geometry and specifications."""

import importlib
import subprocess
import sys

import numpy as np
import pytest
import torch

import hyperdyn.envs
from hyperdyn.envs.suite import GRIDS, models
from hyperdyn.envs.suite.rewards import moving, standing
from hyperdyn.envs.suite.true_dynamics import SuiteSimulators
from hyperdyn.errors import HyperdynError, InputError, UnknownNameError
from hyperdyn.planners import ICEM

BODIES = {"cheetah": ("Cheetah", "run"), "walker": ("Walker", "run"), "finger": ("Finger", "spin")}
SIZES = {
    "cheetah-speed": 40,
    "cheetah-length": 41,
    "cheetah-speed-length": 90,
    "walker-speed": 40,
    "walker-length": 41,
    "walker-speed-length": 81,
    "finger-speed": 30,
    "finger-length": 31,
    "finger-speed-length": 105,
}


def begun(task, seed=0, **options):
    env = hyperdyn.envs.make(GRIDS[task].env_id).unwrapped
    observation, _ = env.reset(seed=seed, options=options)
    return env, observation


def actions_for(env, steps, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (steps, len(env.action_names)))


@pytest.fixture
def dm_suite(monkeypatch):
    # Without OpenGL: loaded before Triton, which later tests need, it would end the process.
    monkeypatch.setenv("MUJOCO_GL", "disable")
    return importlib.import_module("dm_control.suite")


@pytest.mark.parametrize("body", BODIES)
def test_motion_and_observations_are_those_of_dm_control(body, dm_suite):
    env, observation = begun(f"{body}-speed", speed=1.0)
    theirs = dm_suite.load(body, BODIES[body][1], task_kwargs={"random": 0})
    theirs.reset()
    physics = theirs.physics
    with physics.reset_context():
        physics.data.qpos[:], physics.data.qvel[:] = env.data.qpos, env.data.qvel
    physics.data.qacc_warmstart[:] = env.data.qacc_warmstart

    def seen():
        parts = theirs.task.get_observation(physics).values()
        return np.concatenate([np.ravel(part) for part in parts])

    np.testing.assert_allclose(observation, seen(), atol=1e-12)
    for action in actions_for(env, 40):
        observation = env.step(action)[0]
        physics.set_control(action)
        physics.step(env.frame_skip)
        np.testing.assert_allclose(observation, seen(), atol=1e-12)
    assert env.time_step == pytest.approx(theirs.control_timestep())


@pytest.mark.parametrize(
    ("velocity", "target", "wanted"),
    [
        (0.0, 4.0, 0.1),
        (2.0, 4.0, 0.55),
        (4.0, 4.0, 1.0),
        (9.0, 4.0, 1.0),
        (-4.0 / 9, 4.0, 0.0),
        (-2.0, 4.0, 0.0),
        (2.0, -4.0, 0.0),
        (0.0, -4.0, 0.1),
        (-2.0, -4.0, 0.55),
        (-8.0, -4.0, 1.0),
    ],
)
def test_the_reward_of_moving_is_linear_up_to_the_signed_target(velocity, target, wanted):
    assert moving(np.array(velocity), target) == pytest.approx(wanted)
    assert moving(torch.tensor(velocity), target).item() == pytest.approx(wanted, abs=1e-6)


def test_the_reward_of_standing_is_that_of_the_walker():
    # dm_control: a Gaussian of 0.1 at the margin, three parts to one of uprightness.
    assert standing(np.array(1.3), np.array(1.0)) == pytest.approx(1.0)
    assert standing(np.array(0.6), np.array(1.0)) == pytest.approx((3 * 0.1 + 1) / 4)
    assert standing(np.array(0.9), np.array(0.0)) == pytest.approx((3 * 0.1**0.25 + 0.5) / 4)


def test_an_episodes_reward_follows_from_what_the_body_does():
    env, _ = begun("cheetah-speed", speed=-2.0)
    for action in actions_for(env, 30):
        _, reward, _, _, info = env.step(action)
        velocity = env.data.sensor("torso_subtreelinvel").data[0]
        assert info["velocity"] == velocity
        assert reward == pytest.approx(np.clip(0.1 + 0.9 * velocity / -2.0, 0, 1))
    env, _ = begun("finger-speed", speed=3.0)
    env.data.qvel[-1] = 2.0
    _, reward, _, _, info = env.step(np.zeros(2))
    assert reward == pytest.approx(0.1 + 0.9 * env.data.qvel[-1] / 3.0)
    env, _ = begun("walker-speed", speed=1.5)
    for action in actions_for(env, 30):
        _, reward, _, _, info = env.step(action)
        height = env.data.body("torso").xpos[2]
        below = max(0.0, 1.2 - height) / 0.6
        upright = (1 + env.data.body("torso").xmat[8]) / 2
        stands = (3 * np.exp(-0.5 * -2 * np.log(0.1) * below**2) + upright) / 4
        velocity = env.data.sensor("torso_subtreelinvel").data[0]
        moves = np.clip(0.1 + 0.9 * velocity / 1.5, 0, 1)
        assert reward == pytest.approx(stands * (5 * moves + 1) / 6)


def test_a_cheetahs_length_moves_its_legs_and_keeps_its_mass():
    masses = {0.3: 5.14, 0.5: 6.25, 0.7: 7.11}
    for length, torso in masses.items():
        model = begun("cheetah-length", length=length)[0].model
        assert model.geom("torso").size[1] == pytest.approx(length)
        np.testing.assert_allclose(model.geom("head").pos, [length + 0.1, 0, 0.1])
        assert model.body("bthigh").pos[0] == pytest.approx(-length)
        assert model.body("fthigh").pos[0] == pytest.approx(length)
        assert model.body_mass.sum() == pytest.approx(14.0)
        assert model.body("torso").mass[0] == pytest.approx(torso, abs=0.01)


def test_a_walkers_length_is_its_torsos_alone():
    masses = {0.1: 4.52, 0.3: 10.67, 0.5: 16.83}
    for length, torso in masses.items():
        model = begun("walker-length", length=length)[0].model
        np.testing.assert_allclose(model.geom("torso").size[:2], [0.07, length])
        assert model.body("torso").mass[0] == pytest.approx(torso, abs=0.01)
        assert model.body("right_thigh").pos[2] == pytest.approx(-0.3)


def test_a_fingers_length_takes_the_spinner_along():
    masses = {0.1: 1.25, 0.16: 2.46, 0.4: 7.28}
    for length, spinner in masses.items():
        env = begun("finger-length", length=length)[0]
        model = env.model
        assert model.geom("distal").size[1] == pytest.approx(length / 2)
        assert model.geom("fingertip").pos[2] == pytest.approx(-length + 0.0145)
        assert model.geom("fingertip").size[1] == pytest.approx(0.0155)
        assert model.site("touchtop").pos[2] == pytest.approx(-length - 0.01)
        np.testing.assert_allclose(model.body("spinner").pos, [length + 0.04, 0, 0.4])
        np.testing.assert_allclose(model.geom("cap2").size[:2], [0.04, length - 0.07])
        assert model.body("spinner").mass[0] == pytest.approx(spinner, abs=0.05)
        assert env.data.ncon == 0


def test_what_a_task_does_not_vary_has_the_papers_default():
    defaults = {"cheetah": (10.0, 0.5), "walker": (1.0, 0.3), "finger": (15.0, 0.16)}
    for body, (speed, length) in defaults.items():
        for task, given in (
            (f"{body}-speed", {"speed": -2.0}),
            (f"{body}-length", {"length": 0.3}),
        ):
            env = hyperdyn.envs.make(GRIDS[task].env_id)
            context = env.reset(seed=0, options=dict(given))[1]["context"]
            assert context == {"speed": speed, "length": length, **given, "split": "given"}


@pytest.mark.parametrize("task", SIZES)
def test_grids_and_splits_are_the_papers(task):
    grid = GRIDS[task]
    assert len(grid) == SIZES[task] == len(grid.values()) == len(np.unique(grid.values(), axis=0))
    assert grid.split_numbers >= 3
    for number in range(grid.split_numbers):
        train, test = grid.ids("train", number), grid.ids("test", number)
        assert not set(train) & set(test)
        assert sorted(train + test) == list(range(len(grid)))
        assert len(train) == round(0.2 * len(grid))
    assert len({grid.ids("train", number) for number in range(grid.split_numbers)}) >= 3


def test_what_is_given_of_two_is_kept_and_the_other_drawn():
    env = hyperdyn.envs.make("hyperdyn/SuiteWalkerSpeedLength-v0")
    lengths = set()
    for seed in range(20):
        context = env.reset(seed=seed, options={"speed": 1.25})[1]["context"]
        assert context["speed"] == 1.25
        assert context.keys() == {"speed", "length", "split", "split_number"}
        lengths.add(context["length"])
    assert len(lengths) > 3


def test_ids_stand_for_these_specifications():
    assert GRIDS["cheetah-speed"].ids("train", 0) == (0, 1, 7, 8, 9, 20, 23, 33)
    speeds = GRIDS["cheetah-speed"].values()[[0, 19, 20, 39], 0]
    np.testing.assert_array_equal(speeds, [-10.0, -0.5, 0.5, 10.0])
    both = GRIDS["finger-speed-length"].values()
    np.testing.assert_array_equal(both[[0, 1, 7, 104]], [[1, 0.1], [1, 0.15], [2, 0.1], [15, 0.4]])


def test_a_split_draws_its_own_specifications_and_no_others():
    grid = GRIDS["finger-speed"]
    env = hyperdyn.envs.make(grid.env_id)
    for split in ("train", "test"):
        drawn = set()
        for seed in range(120):
            options = {"split": split, "split_number": 1}
            context = env.reset(seed=seed, options=options)[1]["context"]
            assert context["speed"] == grid.values()[context["id"], 0]
            drawn.add(context["id"])
        assert drawn <= set(grid.ids(split, 1))
        assert len(drawn) > 0.8 * len(grid.ids(split, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed": 0.0}, "not zero"),
        ({"speed": np.nan}, "finite"),
        ({"length": 0.3}, "length"),
        ({"speed": 1.0, "split": "test"}, "not both"),
        ({"split": "test", "split_number": 99}, "numbered 0 to"),
        ({"split_number": 0.5}, "whole number"),
    ],
)
def test_specifications_there_cannot_be_are_refused(options, message):
    env = hyperdyn.envs.make("hyperdyn/SuiteCheetahSpeed-v0")
    with pytest.raises(InputError, match=message):
        env.reset(options=options)


def test_a_body_makes_its_own_tasks_only():
    with pytest.raises(UnknownNameError, match="cheetah-speed"):
        hyperdyn.envs.make("hyperdyn/SuiteCheetahSpeed-v0", task="cheetah-sped")


@pytest.mark.parametrize("body", BODIES)
def test_the_true_simulators_foresee_what_an_episode_brings(body):
    env, _ = begun(f"{body}-speed-length", seed=1, split="train")
    other, _ = begun(f"{body}-speed-length", seed=2, split="train")
    simulators = SuiteSimulators([env, other])
    start = simulators.states()
    actions = actions_for(env, 25)
    warmstart = np.stack([one.data.qacc_warmstart for one in (env, other)])
    candidates = torch.from_numpy(actions)[None, None].expand(2, 1, -1, -1)
    foreseen = simulators.dynamics.rollout(start, candidates, warmstart=warmstart)
    rewards = simulators.rewards(foreseen)
    for system, one in enumerate((env, other)):
        for step, action in enumerate(actions, start=1):
            observation, reward, *_ = one.step(action)
            seen = foreseen[system, 0, step, simulators.view.observation]
            np.testing.assert_allclose(seen, observation, atol=1e-9)
            assert rewards[system, 0, step].item() == pytest.approx(reward, abs=1e-9)
    total = simulators.objective(foreseen, candidates)
    torch.testing.assert_close(total, rewards[:, :, 1:].sum(-1))


def test_planning_with_the_true_simulator_brings_reward():
    env, _ = begun("cheetah-speed", speed=2.0)
    simulators = SuiteSimulators([env], hold=4)
    planner = ICEM(horizon=8, samples=32, iterations=3, elites=4)
    generator = torch.Generator().manual_seed(0)
    start = simulators.states()
    plan = planner.plan(simulators.dynamics, start, simulators.objective, generator=generator)
    idle = torch.zeros(1, 1, 8, 6, dtype=torch.float64)
    rest = simulators.objective(simulators.dynamics.rollout(start, idle), idle)
    assert plan.expected_return.item() > 2 * rest.item()


def test_environments_of_two_bodies_are_no_simulators():
    envs = [begun(f"{body}-speed")[0] for body in ("cheetah", "finger")]
    with pytest.raises(InputError, match="one body"):
        SuiteSimulators(envs)


def test_a_missing_dm_control_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(models.importlib.util, "find_spec", lambda name: None)
    models._folder.cache_clear()
    env = hyperdyn.envs.make("hyperdyn/SuiteWalkerSpeed-v0")
    with pytest.raises(HyperdynError, match=r"hyperdyn-toolkit\[suite\]"):
        env.reset()
    models._folder.cache_clear()


def test_no_code_of_dm_control_is_run():
    code = (
        "import sys, hyperdyn.envs as envs\n"
        "assert not {'mujoco', 'dm_control'} & set(sys.modules)\n"
        "envs.make('hyperdyn/SuiteFingerSpeed-v0').reset()\n"
        "assert not any(n.startswith(('dm_control.suite', 'dm_env')) for n in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
