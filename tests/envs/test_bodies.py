"""Masses and dampings scaled, joints crippled, motors flipped: on flat ground."""

import itertools

import numpy as np
import pytest

from hyperdyn.envs.locomotion import (
    AntBody,
    AntCrippled,
    AntFlip,
    CheetahBody,
    CheetahCrippled,
    CheetahFlip,
)
from hyperdyn.errors import InputError

ALL = [AntBody, AntCrippled, AntFlip, CheetahBody, CheetahCrippled, CheetahFlip]


def drawn(env, split, count=200):
    """Contexts of a split; only the first of them is built, which takes the time."""
    first = env.reset(seed=0, options={"split": split})[1]["context"]
    rng = np.random.default_rng(0)
    return [first, *(env._draw(split, rng) for _ in range(count - 1))]


def thrash(env, steps=100, seed=0):
    """Observations under uniform actions, each held for five steps."""
    rng, rows = np.random.default_rng(seed), []
    for step in range(steps):
        if step % 5 == 0:
            action = rng.uniform(-1, 1, env.action_space.shape)
        rows.append(env.step(action)[0])
    return np.array(rows)


@pytest.mark.parametrize("kind", ALL)
def test_no_system_of_one_split_is_in_another(kind):
    env = kind()
    systems = {}
    for split in ("seen", "moderate", "extreme"):
        systems[split] = {
            tuple(np.concatenate([context[name] for name in env.property_names]))
            for context in drawn(env, split)
        }
        assert len(systems[split]) > 1 or split != "seen"
    for one, other in itertools.combinations(systems.values(), 2):
        assert not one & other


@pytest.mark.parametrize(
    ("kind", "split", "values"),
    [
        (CheetahBody, "seen", {0.75, 0.85, 1.0, 1.15, 1.25}),
        (CheetahBody, "moderate", {0.4, 0.5, 1.5, 1.6}),
        (CheetahBody, "extreme", {0.2, 0.3, 1.7, 1.8}),
        (CheetahBody, "extreme-high", {1.7, 1.8}),
        (AntBody, "seen", {0.85, 0.9, 0.95, 1.0}),
        (AntBody, "moderate", {0.4, 0.45, 0.5, 0.55, 0.6}),
        (AntBody, "extreme", {0.2, 0.25, 0.3, 0.35}),
    ],
)
def test_scales_are_cadms(kind, split, values):
    env = kind()
    contexts = drawn(env, split)
    for name in env.property_names:
        assert {context[name][0] for context in contexts} == values
    pairs = np.array([[context[name][0] for name in env.property_names] for context in contexts])
    assert ((pairs[:, 0] > 1) == (pairs[:, 1] > 1)).all() or split == "seen"  # of one side
    assert (pairs[:, 0] != pairs[:, 1]).any()


def test_every_mass_and_damping_of_the_cheetah_is_scaled():
    env = CheetahBody()
    env.reset(seed=0, options={"mass_scale": 1.0, "damping_scale": 1.0})
    common = env.model
    env.reset(seed=0, options={"mass_scale": 1.6, "damping_scale": 0.3})
    np.testing.assert_allclose(env.model.body_mass, 1.6 * common.body_mass)
    np.testing.assert_allclose(env.model.body_inertia, 1.6 * common.body_inertia)
    np.testing.assert_allclose(env.model.dof_damping, 0.3 * common.dof_damping)
    assert common.body_mass.sum() == pytest.approx(14.0, rel=1e-3)
    assert (common.dof_damping[3:] > 0).all()


def test_the_ants_left_legs_are_scaled_one_way_and_its_right_legs_the_other():
    env = AntBody()
    env.reset(seed=0, options={"mass_scale": 1.0, "damping_scale": 1.0})
    common = env.model
    env.reset(seed=0, options={"mass_scale": 0.4, "damping_scale": 0.5})
    masses = env.model.body_mass[1:] / common.body_mass[1:]
    np.testing.assert_allclose(masses, [1.0] + [0.4] * 6 + [2.5] * 6)
    dampings = env.model.dof_damping[6:] / common.dof_damping[6:]
    np.testing.assert_allclose(dampings, [0.5] * 4 + [2.0] * 4)
    sides = [env.data.body(f"shin{leg}").xpos[1] > 0 for leg in (1, 2, 3, 4)]
    assert sides == [True, True, False, False]


@pytest.mark.parametrize("kind", [CheetahBody, AntBody])
def test_scales_are_felt(kind):
    env, ends = kind(), []
    for scale in (0.4, 1.0, 1.6):
        env.reset(seed=0, options={"mass_scale": scale, "damping_scale": 1.0})
        ends.append(thrash(env, 40)[-1, -3:])
    assert np.linalg.norm(ends[0] - ends[1]) > 0.02
    assert np.linalg.norm(ends[2] - ends[1]) > 0.02


def test_the_damping_can_be_left_as_it_is():
    env = AntBody(vary_damping=False)
    contexts = drawn(env, "extreme")
    assert {context["damping_scale"][0] for context in contexts} == {1.0}
    assert len({context["mass_scale"][0] for context in contexts}) > 1


@pytest.mark.parametrize("kind", [CheetahCrippled, AntCrippled])
@pytest.mark.parametrize("split", ["seen", "moderate", "extreme"])
def test_a_crippled_joint_cannot_move_and_the_others_can(kind, split):
    env = kind()
    _, info = env.reset(seed=0, options={"split": split})
    rows = thrash(env)
    turned = {
        name: np.ptp(rows[10:, env.observation_names.index(name)]) for name in env.action_names
    }
    for name, crippled in zip(env.action_names, info["context"]["crippled"], strict=True):
        assert turned[name] < 2e-3 if crippled else turned[name] > 0.1, name


def test_which_joints_are_crippled():
    cheetah = CheetahCrippled()
    seen = np.array([context["crippled"] for context in drawn(cheetah, "seen")])
    assert (seen.sum(1) == 1).all()
    np.testing.assert_array_equal(seen.any(0), [1, 1, 1, 1, 0, 0])
    moderate = np.array([context["crippled"] for context in drawn(cheetah, "moderate")])
    assert (moderate.sum(1) == 1).all()
    np.testing.assert_array_equal(moderate.any(0), [0, 0, 0, 0, 1, 1])
    extreme = np.array([context["crippled"] for context in drawn(cheetah, "extreme")])
    assert (extreme == [0, 0, 0, 0, 1, 1]).all()

    ant = AntCrippled()
    legs = np.array([int(name[-1]) for name in ant.action_names])
    for split, among, count in (("seen", "123", 1), ("moderate", "4", 1), ("extreme", "1234", 2)):
        masks = [context["crippled"] for context in drawn(ant, split)]
        stuck = [set(legs[mask == 1]) for mask in masks]
        assert set().union(*stuck) == {int(leg) for leg in among}
        for group, mask in zip(stuck, masks, strict=True):
            assert (len(group), mask.sum()) == (count, 2 * count)  # hip and ankle of each
            assert 4 in group or split == "seen"


@pytest.mark.parametrize("kind", [CheetahCrippled, AntCrippled])
def test_a_limp_joint_swings_but_does_not_obey(kind):
    env = kind(locked=False)
    _, info = env.reset(seed=0)
    crippled = info["context"]["crippled"] == 1
    idle = thrash(env, 30)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for step in range(30):
        if step % 5 == 0:
            action = rng.uniform(-1, 1, env.action_space.shape)
            action[crippled] = 1.0
        last = env.step(action)[0]
    np.testing.assert_array_equal(last, idle[-1])
    names = np.array(env.action_names)[crippled]
    assert all(np.ptp(idle[:, env.observation_names.index(name)]) > 0.01 for name in names)


@pytest.mark.parametrize("kind", [CheetahFlip, AntFlip])
def test_a_flipped_motor_turns_the_other_way(kind):
    env = kind()
    A = env.action_space.shape[0]
    signs = np.where(np.arange(A) % 2 == 0, -1.0, 1.0)
    env.reset(seed=0, options={"signs": np.ones(A)})
    straight = thrash(env, 60)
    env.reset(seed=0, options={"signs": signs})
    rng = np.random.default_rng(0)
    for step in range(60):
        if step % 5 == 0:
            action = rng.uniform(-1, 1, A)
        last = env.step(signs * action)[0]
    np.testing.assert_array_equal(last, straight[-1])
    env.reset(seed=0, options={"signs": signs})
    assert not np.allclose(thrash(env, 10)[-1], straight[9])


@pytest.mark.parametrize("kind", [CheetahFlip, AntFlip])
def test_how_many_motors_are_flipped(kind):
    env = kind()
    A = env.action_space.shape[0]
    for split, counts in (("seen", {0, 1}), ("moderate", {2}), ("extreme", {3})):
        flipped = np.array([context["signs"] == -1 for context in drawn(env, split)])
        assert set(flipped.sum(1)) == counts
        assert flipped.any(0).all()
    seen = np.array([context["signs"] for context in drawn(env, "seen", 2000)])
    assert (seen == 1).all(1).mean() == pytest.approx(1 / (A + 1), abs=0.03)


@pytest.mark.parametrize("kind", ALL)
def test_the_ground_is_flat(kind):
    env = kind()
    _, info = env.reset(seed=0)
    assert set(info) == {"context", "com_x"}
    assert env.model.geom("ground0").pos[2] + env.model.geom("ground0").size[2] == 0.0


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        (CheetahBody, {"mass_scale": 0.0}, r"\[0.1, 10\]"),
        (CheetahBody, {"damping_scale": [1.0, 1.0]}, "1 numbers"),
        (CheetahCrippled, {"crippled": [0.5] * 6}, "0 or 1"),
        (AntCrippled, {"crippled": [1.0] * 6}, "8 numbers, one for each action"),
        (CheetahFlip, {"signs": [0.0] * 6}, "1 or -1"),
        (AntFlip, {"signs": [2.0] * 8}, r"\[-1, 1\]"),
        (CheetahFlip, {"signs": [1.0] * 6, "split": "seen"}, "not both"),
    ],
)
def test_what_cannot_be_is_refused(kind, options, text):
    with pytest.raises(InputError, match=text):
        kind().reset(options=options)
