"""Obstacles: the distances they measure; clearance: what it costs, forbids and refuses."""

import itertools
import math

import numpy as np
import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners import CEM, GoalPosition
from hyperdyn.planners.clearance import Clearance
from hyperdyn.planners.obstacles import Box, DistanceGrid, Sphere


def points(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def sampled(obstacle, low, high, count):
    """The obstacle as a grid of its own distances."""
    spacing = (high - low) / (count - 1)
    axis = torch.linspace(low, high, count, dtype=torch.float64)
    mesh = torch.stack(torch.meshgrid(*[axis] * obstacle.dimensions, indexing="ij"), dim=-1)
    return DistanceGrid(obstacle.distance(mesh), (low,) * obstacle.dimensions, spacing)


def test_a_sphere():
    there = points((1.0, 2.0), (1.0, 4.0), (4.0, 6.0))
    assert Sphere((1.0, 2.0), 2.0).distance(there).tolist() == [-2.0, 0.0, 3.0]
    assert Sphere((0.0, 0.0, 1.0), 0.5).distance(points((2.0, 3.0, 7.0))).tolist() == [6.5]


def test_a_box():
    box = Box((1.0, 0.0), (2.0, 1.0))
    there = points((1.0, 0.0), (2.5, 0.0), (1.0, -0.75), (3.0, 1.0), (6.0, 5.0), (0.0, -3.0))
    assert box.distance(there).tolist() == [-1.0, -0.5, -0.25, 0.0, 5.0, 2.0]
    solid = Box((0.0, 0.0, 0.0), (1.0, 2.0, 3.0))
    assert solid.distance(points((2.0, 4.0, 5.0), (0.5, 0.0, 0.0))).tolist() == [3.0, -0.5]


def test_a_turned_box():
    """A quarter turn swaps the sides; the turn is the box's, against the clock."""
    turned = Box((1.0, 1.0), (2.0, 0.5), rotation=math.pi / 2)
    there = points((1.0, 4.0), (3.0, 1.0), (1.0, 1.0))
    torch.testing.assert_close(
        turned.distance(there), torch.tensor([1.0, 1.5, -0.5], dtype=torch.float64)
    )
    slanted = Box((0.0, 0.0), (5.0, 0.1), rotation=math.pi / 6)
    tip = points((5 * math.cos(math.pi / 6), 5 * math.sin(math.pi / 6)))
    assert slanted.distance(tip).item() == pytest.approx(0.0, abs=1e-9)
    assert slanted.distance(tip * points((1.0, -1.0))).item() > 4


@pytest.mark.parametrize("length", [1.0, -2.5])
def test_a_box_turned_in_space(length):
    """A third of a turn about (1, 1, 1) takes x to y, y to z and z to x."""
    q = tuple(length * part for part in (0.5, 0.5, 0.5, 0.5))
    box = Box((0.0, 0.0, 0.0), (3.0, 2.0, 1.0), rotation=q)
    there = points((1.5, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 2.75))
    torch.testing.assert_close(
        box.distance(there), torch.tensor([0.5, 1.0, 0.75], dtype=torch.float64)
    )


def test_a_quaternion_turns_from_the_box_to_the_world(rng):
    """A turn is q v q*, here as v + 2w(u × v) + 2u × (u × v) with u the vector part of q."""
    q = torch.nn.functional.normalize(points((0.1, -0.4, 0.3, 0.8)))[0]
    centre, sizes = (0.5, -1.0, 0.25), (0.3, 0.9, 1.5)
    own = 3 * torch.randn(50, 3, generator=rng, dtype=torch.float64)
    across = torch.cross(q[:3].expand_as(own), own, dim=1)
    turned = own + 2 * q[3] * across + 2 * torch.cross(q[:3].expand_as(own), across, dim=1)
    box = Box(centre, sizes, rotation=tuple(q.tolist()))
    straight = Box((0.0, 0.0, 0.0), sizes)
    torch.testing.assert_close(box.distance(turned + points(centre)), straight.distance(own))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_grid_is_exact_on_its_points_and_linear_between(dimensions, rng):
    shape = (4, 3, 5)[:dimensions]
    values = torch.randn(shape, generator=rng, dtype=torch.float64)
    origin = (-1.0, 2.0, 0.5)[:dimensions]
    grid = DistanceGrid(values, origin, spacing=0.25)
    for index in np.ndindex(shape):
        at = points(tuple(o + 0.25 * i for o, i in zip(origin, index, strict=True)))
        assert grid.distance(at).item() == pytest.approx(values[index].item(), abs=1e-12)
    middle = points(tuple(o + 0.125 for o in origin))
    corners = [values[corner] for corner in itertools.product((0, 1), repeat=dimensions)]
    torch.testing.assert_close(grid.distance(middle)[0], torch.stack(corners).mean())
    # A linear field is met exactly.
    slope = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)[:dimensions]
    axes = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) for n in shape], indexing="ij")
    linear = DistanceGrid(torch.stack(axes, dim=-1) @ slope, (0.0,) * dimensions, spacing=1.0)
    inside = torch.rand(50, dimensions, generator=rng, dtype=torch.float64)
    inside = inside * (torch.tensor(shape) - 1)
    torch.testing.assert_close(linear.distance(inside), inside @ slope)


@pytest.mark.parametrize(
    "obstacle", [Sphere((0.1, -0.2), 0.5), Box((0.0, 0.1, 0.0), (0.5, 0.2, 0.4))]
)
def test_beyond_a_grid_it_is_never_more_than_the_true_distance(obstacle, rng):
    grid = sampled(obstacle, -1.0, 1.0, 41)
    far = 6 * torch.rand(2000, obstacle.dimensions, generator=rng, dtype=torch.float64) - 3
    outside = far[(far.abs() > 1).any(dim=1)]
    true, read = obstacle.distance(outside), grid.distance(outside)
    assert (read <= true + 1e-3).all()
    assert (read >= 0.6 * true).all()
    inside = far[(far.abs() <= 1).all(dim=1)]
    torch.testing.assert_close(
        grid.distance(inside), obstacle.distance(inside), rtol=0.0, atol=0.03
    )


def test_beyond_a_grid_that_is_solid_to_its_border():
    grid = DistanceGrid(-torch.ones(2, 2, dtype=torch.float64), (0.0, 0.0), spacing=1.0)
    there = points((0.5, 1.0), (0.5, 3.0), (-3.0, -4.0))
    assert grid.distance(there).tolist() == [-1.0, 2.0, 5.0]


def test_values_of_any_layout_are_copied():
    values = np.arange(6.0).reshape(2, 3)
    values.flags.writeable = False
    grids = [
        DistanceGrid(values, (0.0, 0.0), 1.0),
        DistanceGrid(values[::-1, ::-1].copy()[::-1, ::-1], (0.0, 0.0), 1.0),
        DistanceGrid(np.asfortranarray(values), (0.0, 0.0), 1.0),
        DistanceGrid(torch.tensor(values.T.copy()).T, (0.0, 0.0), 1.0),
    ]
    mine = torch.tensor(values, requires_grad=True)
    grids.append(DistanceGrid(mine, (0.0, 0.0), 1.0))
    with torch.no_grad():
        mine += 9.0
    for grid in grids:
        assert grid.distance(points((1.0, 0.0), (0.0, 2.0), (0.5, 1.0))).tolist() == [3, 2, 2.5]


@pytest.mark.parametrize(
    "obstacle",
    [
        Sphere((0.1, -0.2), 0.5),
        Box((0.1, 0.0), (0.5, 0.3), rotation=0.4),
        Box((0.1, 0.0, 0.3), (0.5, 0.3, 0.2), rotation=(0.1, 0.2, 0.3, 0.4)),
        sampled(Sphere((0.1, -0.2, 0.0), 0.5), -1.0, 1.0, 7),
    ],
)
def test_distances_are_differentiable(obstacle, rng):
    there = 4 * torch.rand(20, obstacle.dimensions, generator=rng, dtype=torch.float64) - 2
    assert torch.autograd.gradcheck(obstacle.distance, there.requires_grad_())
    # Where there is no slope, no gradient is not-a-number: centres, faces and corners.
    special = torch.zeros(3, obstacle.dimensions, dtype=torch.float64)
    special[0] = torch.tensor((0.1, -0.2, 0.0)[: obstacle.dimensions])
    special[1], special[2] = 1.0, -1.0
    special.requires_grad_()
    obstacle.distance(special).sum().backward()
    assert special.grad.isfinite().all()


@pytest.mark.parametrize("obstacle", [Sphere((0.0, 0.0), 1.0), Box((0.0, 0.0), (1.0, 1.0), 0.3)])
def test_a_point_that_is_none_has_no_distance(obstacle):
    for shape in (obstacle, sampled(obstacle, -1.0, 1.0, 3)):
        distance = shape.distance(points((math.nan, 0.0), (0.0, 0.0), (math.inf, 0.0)))
        assert distance.isnan().tolist()[:2] == [True, False]
        assert not distance[2].isfinite()


@pytest.fixture
def trajectories(rng):
    """States [E, N, H+1, S] and actions [E, N, H, A]."""
    states = torch.randn(2, 5, 9, 4, generator=rng, dtype=torch.float64)
    return states, torch.randn(2, 5, 8, 3, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_clearance_counts_the_nearest_obstacle_of_each_state(trajectories, margin):
    states, actions = trajectories
    ball, box = Sphere((0.5, 0.0), 0.5), Box((-0.5, 0.0), (0.25, 1.0))
    cost, violation = torch.zeros(2, 2, 5, dtype=torch.float64)
    for step in range(1, 9):  # the given state is nobody's doing
        at = states[:, :, step, [3, 1]]
        lack = (margin - torch.minimum(ball.distance(at), box.distance(at))).clamp(min=0)
        cost, violation = cost + lack**2, violation + lack
    clearance = Clearance((-1, 1), (ball, box), margin=margin, weight=3.0)
    assert (cost > 0).any()
    torch.testing.assert_close(clearance(states, actions), -3.0 * cost)
    torch.testing.assert_close(clearance.violation(states, actions), violation)
    assert clearance(states.float(), actions.float()).dtype == torch.float32


def test_a_plan_goes_round_an_obstacle(point_masses, rng):
    """The straight way to the goal leads through the ball."""
    dynamics, state = point_masses([4.0], axes=2), torch.zeros(1, 4)
    planner = CEM(horizon=12, samples=300, elites=30, iterations=10)
    ball = Sphere((1.0, 0.02), 0.4)
    goal = GoalPosition((0, 1), target=(2.0, 0.0))

    def nearest(objective):
        plan = planner.plan(dynamics, state, objective, generator=rng)
        way = dynamics.rollout(state, plan.actions[:, None])[0, 0]
        assert torch.linalg.vector_norm(way[-1, :2] - torch.tensor([2.0, 0.0])) < 0.5
        return ball.distance(way[:, :2]).amin().item()

    assert nearest(goal) < -0.2
    assert nearest(goal + Clearance((0, 1), (ball,), margin=0.05, weight=1000.0)) > -0.02


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Sphere((0.0, 0.0), 0.0), "radius must be finite, above 0; got 0.0"),
        (lambda: Sphere((0.0, 0.0), math.nan), "radius must be finite, above 0; got nan"),
        (lambda: Sphere((0.0,), 1.0), "centre must be two or three finite numbers"),
        (lambda: Sphere((0.0, math.inf), 1.0), "centre must be two or three finite numbers"),
        (lambda: Sphere(0.0, 1.0), "centre must be two or three finite numbers"),
        (lambda: Sphere("ab", 1.0), "centre must be two or three finite numbers"),
        (lambda: Box((0.0, 0.0), (1.0, 1.0, 1.0)), "half_sizes must be 2 numbers above 0"),
        (lambda: Box((0.0, 0.0), (1.0, 0.0)), "half_sizes must be 2 numbers above 0"),
        (lambda: Box((0.0, 0.0), (1.0, 1.0), (0.0, 0.0, 0.0, 1.0)), "an angle in radians"),
        (lambda: Box((0.0, 0.0), (1.0, 1.0), math.nan), "an angle in radians"),
        (lambda: Box((0.0,) * 3, (1.0,) * 3, 0.5), "rotation must be a quaternion of four"),
        (lambda: Box((0.0,) * 3, (1.0,) * 3, (0.0,) * 4), "rotation must be a quaternion of four"),
        (lambda: grid(torch.zeros(4, 4, dtype=torch.bool)), "got torch.bool; the class docstring"),
        (lambda: grid(torch.zeros(4)), r"at least two points along each; got .* \(4,\)"),
        (lambda: grid(torch.zeros(4, 1)), r"at least two points along each; got .* \(4, 1\)"),
        (lambda: grid(torch.full((2, 2), math.inf)), "values must be finite"),
        (lambda: grid(torch.zeros(2, 2, 2)), "origin has 2 coordinates for a grid of 3 axes"),
        (lambda: grid(torch.zeros(2, 2), spacing=0.0), "spacing must be finite, above 0"),
        (lambda: Clearance((0, 1), ()), "Clearance needs at least one obstacle"),
        (lambda: Clearance((0, 1), (3.0,)), "3.0 is no obstacle; give Sphere"),
        (lambda: Clearance((0, 1, 2), (BALL,)), "Sphere has 2 dimensions, but columns names 3"),
        (lambda: Clearance((), (BALL,)), "columns must be one or more whole numbers"),
        (lambda: Clearance((0, 1), (BALL,), margin=-0.1), "margin must be finite, at least 0"),
        (lambda: Clearance((0, 1), (BALL,), weight=-1.0), "weight must be finite, at least 0"),
    ],
)
def test_settings_that_cannot_be(make, text):
    with pytest.raises(InputError, match=text):
        make()


BALL = Sphere((0.0, 0.0), 1.0)


def grid(values, spacing=1.0):
    return DistanceGrid(values, (0.0, 0.0), spacing)
