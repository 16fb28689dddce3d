"""The simulated table top: the arm's angles, sliding, what is read back, and repeatability."""

import math

import numpy as np
import pytest

pytest.importorskip("pybullet")

from hyperdyn.assets.objects import OBJECTS, build, load_object
from hyperdyn.assets.objects.solids import box
from hyperdyn.envs.pushing.arm import ASIDE as TURNED
from hyperdyn.envs.pushing.arm import JOINT_LIMITS, JOINTS, joint_angles
from hyperdyn.envs.pushing.world import Physics, Placement, World
from hyperdyn.errors import InputError

CENTRE = (0.0, 0.0)
ASIDE = np.array([0.25, 0.25])


class Block:
    """A box of 8 x 6 x 4 cm."""

    def pieces(self):
        return [box((0.0, 0.0, 0.0), (0.08, 0.06, 0.04))]


@pytest.fixture(scope="module")
def block():
    return build("block", "user", Block())


@pytest.fixture(scope="module")
def world():
    world = World(Physics())
    yield world
    world.close()


def put(world, shape, *, mass=650.0, friction=1e-3, position=CENTRE, yaw=0.0, rod=ASIDE):
    world.arrange(
        [Placement(shape=shape, mass=mass, friction=friction, position=position, yaw=yaw)]
    )
    world.place_rod(rod)


def straight_push(world, shape, mass=650.0, friction=1e-3):
    """Where the object is after a push of 5 cm through its centre of mass."""
    put(world, shape, mass=mass, friction=friction, rod=np.array([-0.05, 0.0]))
    world.push(np.array([0.05, 0.0]))
    return world.object_state()


def test_joint_angles_put_the_tip_where_it_should_be_within_the_arms_limits(world):
    for x in np.linspace(-0.32, 0.32, 9):
        for y in np.linspace(-0.32, 0.32, 9):
            tip = np.array([x, y, 0.005])
            angles = joint_angles(tip)
            assert (np.abs(angles) < JOINT_LIMITS).all()
            for joint, angle in enumerate(angles):
                world.call("resetJointState", world.robot, joint, float(angle))
            np.testing.assert_allclose(world.tip(), tip, atol=1e-6)


def test_a_sliding_object_slows_down_by_the_product_of_both_frictions(world, block):
    for friction in (8e-4, 12e-4):
        put(world, block, friction=friction, position=(-0.2, 0.0))
        for _ in range(60):
            world.call("stepSimulation")
        world.call("resetBaseVelocity", world.bodies[0], [0.2, 0.0, 0.0], [0.0, 0.0, 0.0])
        for _ in range(240):
            world.call("stepSimulation")
        slowed = 0.2 - world.object_state()[7]
        assert slowed == pytest.approx(10.0 * friction * 9.81, rel=0.05)


def test_light_objects_are_pushed_further_because_the_joints_saturate(world, block):
    moved = [straight_push(world, block, mass)[0] for mass in (300.0, 650.0, 1000.0)]
    assert moved[0] > 1.3 * moved[1] > 1.3 * 1.1 * moved[2]
    strong = World(Physics(joint_force=3000.0))
    assert straight_push(strong, block, 1000.0)[0] > 1.2 * moved[2]
    strong.close()


def test_more_friction_shortens_the_way(world, block):
    near = straight_push(world, block, friction=12e-4)[0]
    far = straight_push(world, block, friction=8e-4)[0]
    assert near < far


def test_a_push_off_the_centre_turns_the_object(world, block):
    put(world, block, rod=np.array([-0.05, 0.02]))
    world.push(np.array([0.05, 0.0]))
    assert world.object_state()[12] < -0.05  # clockwise


@pytest.mark.parametrize("name", ["mit-rect1", "mit-tri2", "mug-1", "bed-1", "camera-1", "bowl-1"])
@pytest.mark.parametrize("yaw", [0.0, 1.0, math.pi, -2.5])
def test_objects_lie_where_and_how_they_were_put(world, name, yaw):
    shape = load_object(name)
    put(world, shape, position=(0.05, -0.08), yaw=yaw)
    state = world.object_state()
    np.testing.assert_allclose(state[:3], [0.05, -0.08, shape.centre_of_mass[2]], atol=1e-9)
    turned = np.array([0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)])
    turned *= -1.0 if turned[3] < 0 else 1.0
    assert abs(turned @ state[3:7]) == pytest.approx(1.0, abs=1e-7)
    assert state[6] >= 0.0
    rotation = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    flat = np.asarray(shape.mesh.vertices)[:, :2] @ rotation.T + [0.05, -0.08]
    np.testing.assert_allclose(world.corners(0)[:, :2], flat, atol=1e-7)


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_objects_stay_where_they_rest(world, name):
    shape = load_object(name)
    put(world, shape)
    before = world.object_state()
    assert not world.push(np.zeros(2)).diverged
    after = world.object_state()
    np.testing.assert_allclose(after[:3], before[:3], atol=0.005)
    assert abs(before[3:7] @ after[3:7]) > 0.999


def test_what_collides_is_what_is_seen(world):
    """Rays from above hit a mug's bottom inside it and its rim, at the heights of its mesh."""
    shape = load_object("mug-1")
    put(world, shape)
    for at in (np.zeros(2), ASIDE - 0.1, np.array([0.02, 0.01])):
        (hit,) = world.call("rayTestBatch", [[*at, 1.0]], [[*at, -0.01]])
        points, _, _ = shape.mesh.ray.intersects_location([[*at, 1.0]], [[0.0, 0.0, -1.0]])
        height = points[:, 2].max() if len(points) else 0.0
        assert hit[3][2] == pytest.approx(height, abs=0.003)


def test_an_object_pushed_over_the_edge_ends_the_push_there(world, block):
    put(world, block, mass=300.0, position=(0.0, 0.27), rod=np.array([0.0, 0.21]))
    outcome = world.push(np.array([0.0, 0.06]))
    assert (outcome.left_table, outcome.diverged) == (True, False)
    assert 0.3 < world.object_state()[1] < 0.33


def test_turning_the_arm_aside_for_a_picture_changes_no_push(world, block):
    assert (np.abs(TURNED) <= JOINT_LIMITS).all()

    def pushes(looking):
        put(world, block, rod=np.array([-0.08, 0.01]), yaw=0.4)
        states = []
        for _ in range(4):
            world.push(np.array([0.05, 0.0]))
            if looking:
                with world.arm_aside():
                    assert world.tip()[0] < -0.8  # behind its foot
            states.append(np.concatenate([world.object_state(), world.tip()]))
        return np.stack(states)

    seen = pushes(looking=True)
    assert seen[-1, 0] - seen[0, 0] > 0.1  # it was moved
    np.testing.assert_array_equal(seen, pushes(looking=False))


def test_touching_another_object_is_noticed_and_being_beside_it_is_not(world, block):
    for beside, touched in ((0.1, True), (0.25, False)):
        world.arrange(
            [
                Placement(shape=block, mass=650.0, friction=1e-3, position=(x, 0.0), yaw=0.0)
                for x in (0.0, beside)
            ]
        )
        world.place_rod(np.array([-0.05, 0.0]))
        assert world.push(np.array([0.05, 0.0])).touched is touched


def test_an_object_below_the_table_has_diverged(world, block):
    put(world, block)
    world.call("resetBasePositionAndOrientation", world.bodies[0], [0, 0, -0.5], [0, 0, 0, 1])
    outcome = world.push(np.zeros(2))
    assert (outcome.diverged, outcome.left_table) == (True, False)


def test_a_used_world_repeats_a_fresh_one_bit_for_bit(world):
    def episode(world):
        put(world, load_object("mug-2"), rod=np.array([-0.08, 0.01]), yaw=0.4)
        states = []
        for _ in range(3):
            world.push(np.array([0.05, 0.0]))
            states.append(np.concatenate((world.object_state(), world.tip())))
        return np.array(states)

    straight_push(world, load_object("bed-1"))
    fresh = World(Physics())
    np.testing.assert_array_equal(episode(world), episode(fresh))
    fresh.close()


def test_worlds_do_not_disturb_each_other(block):
    first, second = World(Physics()), World(Physics())
    put(first, block)
    second.close()
    assert first.object_state()[2] == pytest.approx(block.centre_of_mass[2])
    first.close()
    first.close()


def test_half_the_time_step_is_twice_the_steps(block):
    assert (Physics().steps, Physics(time_step=1 / 480).steps) == (192, 384)


@pytest.mark.parametrize("time_step", [1 / 120, 1 / 239, 1 / 241, 0.0, -1.0, math.nan])
def test_coarse_and_odd_time_steps_are_refused(time_step):
    with pytest.raises(InputError, match="1/240"):
        Physics(time_step=time_step)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf])
def test_a_motor_needs_strength(value):
    with pytest.raises(InputError, match="joint_force"):
        Physics(joint_force=value)
    assert JOINTS == len(JOINT_LIMITS)
