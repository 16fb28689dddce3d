import os

import gymnasium
import mujoco
import numpy as np
import pytest

import hyperdyn.envs
from hyperdyn import assets
from hyperdyn.envs.locomotion import CheetahSlope
from hyperdyn.errors import InputError


@pytest.fixture
def env():
    return hyperdyn.envs.make("hyperdyn/CheetahSlope-v0").unwrapped


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Gymnasium's half-cheetah, which `settotalmass` brings to 14 kg."""
    folder = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("log"))  # MuJoCo writes its deprecation warning to a file.
    try:
        root = os.path.dirname(gymnasium.__file__)
        path = os.path.join(root, "envs", "mujoco", "assets", "half_cheetah.xml")
        return mujoco.MjModel.from_xml_path(path)
    finally:
        os.chdir(folder)


def names(model, kind, count):
    return [mujoco.mj_id2name(model, kind, i) for i in range(count)]


def test_the_robot_is_the_common_half_cheetah(reference):
    ours = mujoco.MjModel.from_xml_path(str(assets.robot("half_cheetah")))
    for kind, count in (("BODY", "nbody"), ("JOINT", "njnt"), ("ACTUATOR", "nu")):
        tag = getattr(mujoco.mjtObj, f"mjOBJ_{kind}")
        assert names(ours, tag, getattr(ours, count)) == names(
            reference, tag, getattr(reference, count)
        )
    for field in ("body_mass", "body_inertia", "body_ipos"):
        np.testing.assert_allclose(getattr(ours, field), getattr(reference, field), rtol=1e-3)
    for field in (
        "jnt_range", "jnt_stiffness", "jnt_axis", "jnt_solref", "jnt_solimp", "dof_damping",
        "dof_armature", "actuator_gear", "actuator_ctrlrange", "body_pos",
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(ours, field), getattr(reference, field), err_msg=field)
    for name in names(ours, mujoco.mjtObj.mjOBJ_GEOM, ours.ngeom):
        for field in ("size", "pos", "friction", "solref", "solimp", "contype", "conaffinity"):
            np.testing.assert_allclose(
                getattr(ours.geom(name), field), getattr(reference.geom(name), field)
            )
    assert ours.opt.timestep == reference.opt.timestep == 0.01


def test_the_ground_leaves_the_mass_at_14_kg(env):
    env.reset(seed=0)
    assert env.model.body_mass.sum() == pytest.approx(14.0, rel=1e-6)
    assert env.model.opt.timestep == env.time_step == 0.01


def test_the_observation_is_positions_without_x_velocities_and_centre_of_mass(env):
    env.reset(seed=0)
    for _ in range(30):
        observation, *_, info = env.step(np.full(6, 0.7))
    model, data = env.model, mujoco.MjData(env.model)
    data.qpos[:], data.qvel[:] = env.data.qpos, env.data.qvel
    mujoco.mj_forward(model, data)
    np.testing.assert_array_equal(observation[:8], data.qpos[1:])
    np.testing.assert_array_equal(observation[8:17], data.qvel)
    np.testing.assert_array_equal(observation[17:], data.subtree_com[1])
    assert info["com_x"] == observation[env.observation_names.index("com_x")]


def test_the_reward_is_speed_less_control_cost(env):
    _, info = env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(40):
        action = rng.uniform(-1.5, 1.5, 6)
        before = info["com_x"]
        _, reward, _, _, info = env.step(action)
        cost = 0.05 * np.square(action.clip(-1, 1)).sum()
        assert reward == pytest.approx((info["com_x"] - before) / 0.01 - cost, abs=1e-12)


def test_a_step_is_one_step_of_the_simulator(env):
    env.reset(seed=0)
    data = mujoco.MjData(env.model)
    data.qpos[:], data.qvel[:] = env.data.qpos, env.data.qvel
    rng = np.random.default_rng(0)
    for _ in range(100):
        action = rng.uniform(-1, 1, 6)
        data.ctrl[:] = action
        mujoco.mj_step(env.model, data)
        env.step(action)
        np.testing.assert_array_equal(env.data.qpos, data.qpos)


@pytest.mark.parametrize(
    ("split", "sides"),
    [
        ("seen", [(0.5, 3.5)]),
        ("novel-low", [(0.0, 0.25)]),
        ("novel-high", [(3.75, 4.0)]),
        ("novel", [(0.0, 0.25), (3.75, 4.0)]),
    ],
)
def test_heights_are_drawn_from_the_papers_ranges(env, split, sides):
    drawn = []
    for seed in range(12):
        context = env.reset(seed=seed, options={"split": split})[1]["context"]
        np.testing.assert_allclose(context["grades"], context["heights"] / 15.0)
        drawn.append(context["heights"])
    heights = np.concatenate(drawn)
    inside = np.array([(low <= heights) & (heights <= high) for low, high in sides])
    assert inside.any(0).all()
    for (low, high), side in zip(sides, inside, strict=True):
        assert heights[side].max() - heights[side].min() > 0.8 * (high - low)


def test_the_15_m_form_has_the_same_grades_on_longer_segments(env):
    longer = hyperdyn.envs.make("hyperdyn/CheetahSlope15m-v0").unwrapped
    short = env.reset(seed=4)[1]["context"]
    long = longer.reset(seed=4)[1]["context"]
    np.testing.assert_array_equal(short["grades"], long["grades"])
    assert (short["segment_length"], long["segment_length"]) == (3.0, 15.0)
    assert longer.model.geom("ground1").size[0] > 7.5 > 2.0 > env.model.geom("ground1").size[0]


def test_info_has_the_grade_under_the_robot(env):
    heights = [1.0, 2.0] + [0.5] * 8
    _, info = env.reset(seed=0, options={"heights": heights})
    assert info["context"]["split"] == "given"
    for x, grade in ((-0.5, 0.0), (1.0, 1 / 15), (4.0, 2 / 15), (7.0, 0.5 / 15), (31.0, 0.0)):
        env.data.qpos[0] = x
        env.data.qpos[1] = 5.0
        assert env.step(np.zeros(6))[-1]["grade"] == pytest.approx(grade)


@pytest.mark.parametrize("height", [0.0, 4.0, 6.0])
def test_nothing_of_the_robot_begins_inside_the_ground(env, height):
    for seed in range(8):
        env.reset(seed=seed, options={"heights": [height] * 10})
        assert env.data.ncon == 0


def test_it_falls_with_gravity_until_it_lands(env):
    observation, _ = env.reset(seed=0)
    heights = [observation[-1]]
    for _ in range(8):
        heights.append(env.step(np.zeros(6))[0][-1])
        assert env.data.ncon == 0
    np.testing.assert_allclose(np.diff(heights, 2) / 0.01**2, -9.81, rtol=2e-2)
    for _ in range(150):
        env.step(np.zeros(6))
    assert env.data.ncon > 0


def test_the_steeper_the_ground_the_farther_it_slides_back(env):
    ends = []
    for height in (0.0, 1.0, 2.5, 4.0):
        env.reset(seed=0, options={"heights": [height] * 10})
        for _ in range(300):
            info = env.step(np.zeros(6))[-1]
        ends.append(info["com_x"])
    assert (np.diff(ends) < -0.03).all(), ends


def test_options_that_cannot_be_are_refused(env):
    heights = [1.0] * 10
    for options, text in (
        ({"heights": heights, "split": "seen"}, "not both"),
        ({"heights": heights[1:]}, "10 numbers"),
        ({"heights": [*heights[1:], np.nan]}, "finite"),
        ({"heights": [*heights[1:], 6.1]}, r"\[0, 6\]"),
        ({"heights": [*heights[1:], -0.1]}, r"\[0, 6\]"),
    ):
        with pytest.raises(InputError, match=text):
            env.reset(options=options)
    env.reset(options={"heights": heights})


@pytest.mark.parametrize(
    "arguments",
    [{"segment_length": -3.0}, {"grade_base": 9.0}, {"segments": 0}, {"render_mode": "human"}],
)
def test_ground_that_cannot_be_is_refused_when_made(arguments):
    with pytest.raises(InputError):
        CheetahSlope(**arguments)


def test_the_grade_base_scales_the_grades():
    env = hyperdyn.envs.make("hyperdyn/CheetahSlope-v0", grade_base=30.0).unwrapped
    _, info = env.reset(seed=0, options={"heights": [3.0] * 10})
    np.testing.assert_allclose(info["context"]["grades"], 0.1)


@pytest.mark.parametrize("height", [0.0, 2.0])
def test_a_joint_between_equal_grades_is_not_felt(height):
    """Feet that drag over it at speed go on as on one long slab."""
    ends = []
    for length in (3.0, 30.0):
        env = CheetahSlope(segment_length=length)
        env.reset(seed=0, options={"heights": [height] * 10})
        env.data.qpos[:2] = 2.3, 0.1 + 2.3 * height / 15
        env.data.qvel[0] = 4.0
        mujoco.mj_step1(env.model, env.data)
        ends.append([env.step(np.zeros(6))[-1]["com_x"] for _ in range(50)])
    assert ends[0][0] < 2.5 < 3.2 < ends[0][-1]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-3)
