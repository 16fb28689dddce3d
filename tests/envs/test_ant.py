import os

import gymnasium
import mujoco
import numpy as np
import pytest

import hyperdyn.envs
from hyperdyn import assets


@pytest.fixture
def env():
    return hyperdyn.envs.make("hyperdyn/AntSlope-v0").unwrapped


def test_the_robot_is_the_common_ant(env):
    root = os.path.dirname(gymnasium.__file__)
    path = os.path.join(root, "envs", "mujoco", "assets", "ant.xml")
    reference = mujoco.MjModel.from_xml_path(path)
    ours = mujoco.MjModel.from_xml_path(str(assets.robot("ant")))
    for field in (
        "body_mass", "body_inertia", "body_ipos", "body_pos", "jnt_range", "jnt_axis",
        "jnt_limited", "jnt_solref", "jnt_solimp", "dof_damping", "dof_armature",
        "actuator_gear", "actuator_ctrlrange", "actuator_trnid",
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(ours, field), getattr(reference, field), err_msg=field)
    for field in ("size", "pos", "quat", "friction", "solref", "solimp", "margin", "condim"):
        common = getattr(reference, f"geom_{field}")[1:]  # without the floor
        np.testing.assert_allclose(getattr(ours, f"geom_{field}"), common, err_msg=field)
    assert ours.body_mass.sum() == pytest.approx(env.mass, rel=1e-4)


def test_the_observation_is_what_its_names_say(env):
    env.reset(seed=0)
    for _ in range(30):
        observation, *_, info = env.step(np.full(8, 0.4))
    seen = dict(zip(env.observation_names, observation, strict=True))
    data = env.data
    assert seen["root_z"] == data.qpos[2]
    quaternion = [seen[f"root_q{axis}"] for axis in "wxyz"]
    np.testing.assert_array_equal(quaternion, data.qpos[3:7])
    assert np.linalg.norm(quaternion) == pytest.approx(1.0)
    for leg in (1, 2, 3, 4):
        for joint in ("hip", "ankle"):
            joint = f"{joint}{leg}"
            assert seen[joint] == data.joint(joint).qpos[0]
            assert seen[f"{joint}_velocity"] == data.joint(joint).qvel[0]
    for axis, linear, turning in zip("xyz", data.qvel[:3], data.qvel[3:6], strict=True):
        assert (seen[f"root_velocity_{axis}"], seen[f"root_rate_{axis}"]) == (linear, turning)
    np.testing.assert_array_equal(observation[-3:], data.subtree_com[1])
    assert info["com_x"] == seen["com_x"]


def test_an_action_drives_the_joint_it_names(env):
    for column, name in enumerate(env.action_names):
        env.reset(seed=0)
        before = env.data.joint(name).qvel[0]
        env.step(0.02 * np.eye(8)[column])
        assert env.data.joint(name).qvel[0] - before > 0.02


def test_the_reward_is_speed_and_a_bonus(env):
    _, info = env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(30):
        before = info["com_x"]
        _, reward, _, _, info = env.step(rng.uniform(-1.5, 1.5, 8))
        assert reward == pytest.approx((info["com_x"] - before) / 0.02 + 0.05, abs=1e-12)


def test_a_step_is_two_steps_of_the_simulator(env):
    env.reset(seed=0)
    data = mujoco.MjData(env.model)
    data.qpos[:], data.qvel[:] = env.data.qpos, env.data.qvel
    rng = np.random.default_rng(0)
    for _ in range(60):
        action = rng.uniform(-1, 1, 8)
        data.ctrl[:] = action
        mujoco.mj_step(env.model, data, 2)
        env.step(action)
        np.testing.assert_array_equal(env.data.qpos, data.qpos)
    assert env.time_step == pytest.approx(2 * env.model.opt.timestep)


@pytest.mark.parametrize("height", [0.0, 6.0])
def test_nothing_of_the_robot_begins_inside_the_ground(env, height):
    for seed in range(8):
        env.reset(seed=seed, options={"heights": [height] * 10})
        assert env.data.ncon == 0
        assert env.data.qpos[2] == pytest.approx(0.9, abs=0.05)


def test_it_comes_to_rest_on_its_feet_and_slides_on_no_slope(env):
    ends = []
    for height in (0.0, 4.0):
        env.reset(seed=0, options={"heights": [height] * 10})
        for _ in range(250):
            observation, *_, info = env.step(np.zeros(8))
        ends.append(info["com_x"])
        assert abs(observation[env.observation_names.index("root_velocity_x")]) < 0.05
        assert env.data.ncon >= 3
    assert abs(ends[1] - ends[0]) < 0.5
