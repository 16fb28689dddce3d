import mujoco
import numpy as np
import pytest
import torch

import hyperdyn.envs
from hyperdyn.envs.locomotion import AntPier, CheetahPier
from hyperdyn.envs.locomotion.true_dynamics import true_dynamics
from hyperdyn.errors import InputError, UnknownNameError


@pytest.fixture(params=[CheetahPier, AntPier])
def env(request):
    return request.param()


def walked(env, steps, seed=0, **options):
    """The environment after some uniform actions, each held for five steps."""
    rng = np.random.default_rng(seed)
    env.reset(seed=seed, options=options)
    for step in range(steps):
        if step % 5 == 0:
            action = rng.uniform(-1, 1, env.action_space.shape)
        observation, *_ = env.step(action)
    return observation


def all_alike(env, damping, friction=None):
    level = env.surface.friction[0] if friction is None else friction
    return {"damping": np.full(8, damping), "friction": np.full(8, level)}


def test_blocks_are_4_m_long_and_lie_flush_without_gaps(env):
    env.reset(seed=0)
    model, data = env.model, mujoco.MjData(env.model)
    mujoco.mj_forward(model, data)
    hit, down = np.zeros(1, np.int32), np.array([0.0, 0.0, -1.0])
    for x in np.linspace(-9.97, 39.97, 300):
        start = np.array([x, 0.9 * env.surface.half_width, 5.0])  # beside the robot
        distance = mujoco.mj_ray(model, data, start, down, None, 1, -1, hit)
        wanted = "quay0" if x < -2 else "quay1" if x > 30 else f"block{int((x + 2) // 4)}"
        assert mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_GEOM, hit[0]) == wanted
        assert 5.0 - distance == pytest.approx(0.0, abs=1e-9)


def test_a_block_sinks_a_tenth_of_a_metre_under_the_robot_and_no_other_does(env):
    env.reset(seed=0, options=all_alike(env, 0.8))
    for _ in range(300):
        env.step(np.zeros(env.action_space.shape))
    depths = env.data.qpos[-8:]
    assert depths[0] == pytest.approx(-0.1, abs=0.01)
    np.testing.assert_allclose(depths[1:], 0.0, atol=1e-9)


def test_damping_is_the_ratio_to_that_of_a_loaded_block(env):
    env.reset(seed=0, options=all_alike(env, 0.3))
    model = env.model
    assert model.body_mass[-8:] == pytest.approx(env.mass / 2)
    mass = env.mass + model.body_mass[-1]
    critical = 2 * np.sqrt(model.jnt_stiffness[-1] * mass)
    np.testing.assert_allclose(model.dof_damping[-8:], 0.3 * critical)
    assert model.jnt_stiffness[-1] * 0.1 == pytest.approx(env.mass * 9.81)


def test_the_robot_keeps_its_mass_on_a_pier(env):
    env.reset(seed=0)
    robot = env.model.body_subtreemass[env.model.body("torso").id]
    assert robot == pytest.approx(env.mass, rel=1e-3)


@pytest.mark.parametrize(
    ("split", "sides"),
    [
        ("seen", [(0.2, 0.8)]),
        ("novel-low", [(0.0, 0.1)]),
        ("novel-high", [(0.9, 1.0)]),
        ("novel", [(0.0, 0.1), (0.9, 1.0)]),
    ],
)
def test_damping_is_drawn_from_the_papers_ranges_and_friction_from_one(env, split, sides):
    contexts = [env.reset(seed=s, options={"split": split})[1]["context"] for s in range(12)]
    damping = np.concatenate([context["damping"] for context in contexts])
    inside = np.array([(low <= damping) & (damping <= high) for low, high in sides])
    assert inside.any(0).all()
    for (low, high), side in zip(sides, inside, strict=True):
        assert damping[side].max() - damping[side].min() > 0.8 * (high - low)
    friction = np.concatenate([context["friction"] for context in contexts])
    friction /= env.surface.friction[0]
    assert 0.75 <= friction.min() < 0.8
    assert 1.2 < friction.max() <= 1.25


def test_damping_is_felt_within_twenty_steps(env):
    """The difference that 0.2 instead of 0.8 makes, as a share of what velocities change by."""
    moved, apart = [], []
    rng = torch.Generator().manual_seed(0)
    speeds = [i for i, name in enumerate(env.observation_names) if "velocity" in name]
    for seed in range(6):
        observation = walked(env, 100, seed, **all_alike(env, 0.5))
        states = torch.tensor(observation)[None]
        actions = torch.rand(1, 1, 4, *env.action_space.shape, generator=rng).double() * 2 - 1
        actions = actions.repeat_interleave(5, dim=2)
        ends = []
        for damping in (0.2, 0.8):
            env.change(damping=np.full(8, damping))
            ends.append(true_dynamics([env]).rollout(states, actions)[0, 0, 1:, speeds])
        moved.append(ends[0] - states[0, speeds])
        apart.append(ends[1] - ends[0])
    share = torch.stack(apart).square().mean((0, 1)) / torch.stack(moved).square().mean((0, 1))
    assert share.sqrt().mean() > 0.05


def test_the_blocks_friction_counts_alone(env):
    slid = []
    for friction in (0.02, 1.5):
        env.reset(seed=0, options=all_alike(env, 0.8, friction))
        for _ in range(150):
            env.step(np.zeros(env.action_space.shape))
        env.data.qvel[0] = 1.0
        start = env.data.qpos[0]
        for _ in range(40):
            env.step(np.zeros(env.action_space.shape))
        slid.append(env.data.qpos[0] - start)
    assert slid[0] > 2 * slid[1]


def test_a_rollout_begins_where_the_blocks_are(env):
    """No observation tells how deep they lie: it comes from the running simulator."""
    observation = walked(env, 150, **all_alike(env, 0.05))
    assert np.abs(env.data.qpos[-8:]).max() > 0.02
    actions = torch.zeros(1, 1, 20, *env.action_space.shape).double()
    rolled = true_dynamics([env]).rollout(torch.tensor(observation)[None], actions)
    for step in range(20):
        observation, *_ = env.step(actions[0, 0, step].numpy())
        np.testing.assert_allclose(rolled[0, 0, step + 1], observation, rtol=1e-6, atol=1e-6)


def test_info_has_the_block_under_the_robot(env):
    damping, friction = np.linspace(0.1, 0.8, 8), np.linspace(0.5, 1.2, 8)
    env.reset(seed=0, options={"damping": damping, "friction": friction})
    for x, block, nearest in ((-1.9, 0, 0), (1.9, 0, 0), (2.1, 1, 1), (29.0, 7, 7), (-3, -1, 0),
                              (40.0, -1, 7)):  # fmt: skip
        env.data.qpos[0], env.data.qpos[env._root] = x, 5.0
        info = env.step(np.zeros(env.action_space.shape))[-1]
        assert info["block"] == block
        assert (info["damping"], info["friction"]) == (damping[nearest], friction[nearest])


def test_friction_can_be_given_and_damping_drawn():
    env = CheetahPier()
    options = {"split": "novel-high", "friction": [0.4] * 8}
    context = env.reset(seed=0, options=options)[1]["context"]
    assert context["split"] == "novel-high"
    assert (context["friction"] == 0.4).all()
    assert (context["damping"] >= 0.9).all()


def test_the_released_pier_hangs_on_its_springs_and_carries_the_robot_on_a_stop():
    env = CheetahPier(physics="released")
    env.reset(seed=0, options={"damping": [1.0] * 8})
    assert env.model.body_subtreemass[1] == pytest.approx(2.93, abs=0.01)
    np.testing.assert_allclose(env.model.dof_damping[-8:], 10.0)
    for _ in range(400):
        env.step(np.zeros(6))
    # Measured in the released model: -0.0905 m unloaded, -0.1645 m on the stop (its limit is soft).
    np.testing.assert_allclose(env.data.qpos[-7:], -0.0905, atol=1e-3)
    assert env.data.qpos[-8] == pytest.approx(-0.1645, abs=2e-3)


def test_what_cannot_be_is_refused():
    with pytest.raises(UnknownNameError, match="floating"):
        AntPier(physics="released")
    with pytest.raises(InputError, match="block"):
        CheetahPier(blocks=0)
    env = hyperdyn.envs.make("hyperdyn/CheetahPier-v0", blocks=3).unwrapped
    for options, text in (
        ({"damping": [0.5] * 8}, "3 numbers, one for each block"),
        ({"damping": [0.5, -0.1, 0.5]}, r"\[0, 5\]"),
        ({"friction": [0.5, 0.0, 0.5]}, r"\[0.01, 5\]"),
        ({"damping": [0.5] * 3, "friction": [0.5] * 3, "split": "seen"}, "not both"),
    ):
        with pytest.raises(InputError, match=text):
            env.reset(options=options)
