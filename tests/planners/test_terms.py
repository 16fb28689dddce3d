"""The two forms of an objective: what its torch form returns is what its terms add up to."""

import math

import numpy as np
import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners.clearance import Clearance
from hyperdyn.planners.goal_pose import GoalPose
from hyperdyn.planners.objectives import (
    ControlCost,
    ForwardVelocity,
    Objective,
    SmoothnessCost,
    Sum,
)
from hyperdyn.planners.obstacles import Box, DistanceGrid, Obstacle, Sphere
from hyperdyn.planners.state_objectives import GoalPosition, StateBox, Terminal
from hyperdyn.terms import TermKind, TermTable
from tests.planners.term_oracle import evaluate

WIDTH = 9


def draw(seed):
    """States [E, N, H+1, S] and actions [E, N, H, A] of sizes that differ from seed to seed."""
    rng = torch.Generator().manual_seed(seed)
    E, N, H, A = (int(torch.randint(1, 5, (), generator=rng)) for _ in range(4))
    states = torch.randn(E, N, H + 1, WIDTH, generator=rng, dtype=torch.float64)
    return states, torch.randn(E, N, H, A, generator=rng, dtype=torch.float64)


def grid(*shape):
    rng = torch.Generator().manual_seed(7)
    values = torch.randn(shape, generator=rng)
    return DistanceGrid(values, origin=(-1.0, -0.75, -0.5)[: len(shape)], spacing=0.5)


PLANE = (
    Sphere((0.5, -0.25), 0.25),
    Box((-0.5, 0.5), (0.5, 0.25)),
    Box((1.0, 1.0), (0.75, 0.125), rotation=0.7),
    grid(3, 6),
)
SPACE = (
    Sphere((0.5, -0.25, 0.0), 0.5),
    Box((-0.5, 0.5, 0.25), (0.5, 0.25, 1.0)),
    Box((1.0, 1.0, -0.5), (0.75, 0.125, 0.5), rotation=(0.1, -0.4, 0.3, 0.8)),
    grid(3, 5, 4),
)
OBJECTIVES = {
    "forward velocity": ForwardVelocity(index=-2, dt=0.05),
    "control": ControlCost(weight=0.3),
    "smoothness": SmoothnessCost(weight=0.7),
    "goal position": GoalPosition((1, -1, 4), target=(0.5, -1.0, 2.0), weights=(1.0, 0.0, 3.0)),
    "goal position, one number": GoalPosition((1, -1), target=0.5, weights=2.0),
    "state box": StateBox((0, -3), low=(-0.5, -math.inf), high=(0.25, 1.0), weight=2.0),
    "state box, open above": StateBox((0, 5), low=0.25),
    "goal pose": GoalPose(
        position_columns=(0, 1, 2),
        orientation_columns=(3, 4, 5, -3),
        position=(0.5, 0.0, -1.0),
        orientation=(0.2, -0.4, 1.0, 2.0),
        position_weights=(1.0, 2.0, 0.5),
        orientation_weight=1.5,
    ),
    **{f"{type(o).__name__} {n} in 2D": Clearance((1, -2), (o,), 0.5) for n, o in enumerate(PLANE)},
    **{
        f"{type(o).__name__} {n} in 3D": Clearance((4, 0, -1), (o,), 0.5, weight=3.0)
        for n, o in enumerate(SPACE)
    },
    "obstacles in 2D": Clearance((0, 1), PLANE, margin=0.75, weight=2.0),
    "obstacles in 3D": Clearance((2, 3, 1), SPACE, margin=1.0, weight=0.5),
}
OBJECTIVES["sum"] = sum(
    (factor * objective for factor, objective in enumerate(OBJECTIVES.values(), start=-3)),
    start=ControlCost(),
)
OBJECTIVES["scaled sum"] = -0.5 * (3.0 * OBJECTIVES["sum"] + OBJECTIVES["state box"])
OBJECTIVES["constrained"] = 2.0 * OBJECTIVES["goal pose"].subject_to(
    OBJECTIVES["state box"], OBJECTIVES["obstacles in 2D"]
) + OBJECTIVES["obstacles in 3D"].subject_to(OBJECTIVES["obstacles in 3D"])


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_both_forms_are_equal(name, seed):
    objective, (states, actions) = OBJECTIVES[name], draw(seed)
    returns, violations = evaluate(objective.table(WIDTH), states.numpy(), actions.numpy())
    # Numbers of a table are float32.
    close = {"rtol": 3e-6, "atol": 3e-6 * max(1.0, np.abs(returns).max())}
    np.testing.assert_allclose(objective(states, actions).numpy(), returns, **close)
    if name == "constrained":
        assert (violations > 0).any()
        wanted = objective.violation(states, actions).numpy()
        np.testing.assert_allclose(wanted, violations, rtol=3e-6, atol=3e-6)
    else:
        assert (violations == 0).all()


@pytest.mark.parametrize("name", ["state box", "obstacles in 2D", "obstacles in 3D"])
def test_hard_terms_add_up_to_the_violation(name):
    constraint, (states, actions) = OBJECTIVES[name], draw(3)
    table = TermTable.of(constraint.violation_terms(WIDTH))
    returns, violations = evaluate(table, states.numpy(), actions.numpy())
    wanted = constraint.violation(states, actions).numpy()
    np.testing.assert_allclose(wanted, violations, rtol=3e-6, atol=3e-6)
    assert (violations > 0).any()
    assert (returns == 0).all()


def test_scaling_leaves_hard_terms_alone():
    box = StateBox((0,), high=1.0)
    terms = (-3.0 * ControlCost(weight=2.0).subject_to(box)).terms(1)
    assert [(t.kind, t.scale, t.hard) for t in terms] == [
        (TermKind.CONTROL, 6.0, False),
        (TermKind.OUTSIDE, 1.0, True),
    ]


def plain(states, actions):
    return states[:, :, -1, 0]


class Ring(Obstacle):
    """An obstacle of a user's own, without a compiled form."""

    dimensions = 2

    def distance(self, points):
        return (torch.linalg.vector_norm(points, dim=-1) - 1.0).abs() - 0.1


class Own(Objective):
    """An objective of a user's own, without a compiled form."""

    def __call__(self, states, actions):
        return plain(states, actions)


ring = Clearance((0, 1), (Sphere((0.0, 0.0), 0.1), Ring()))


@pytest.mark.parametrize(
    "objective",
    [
        Own(),
        Terminal(lambda states: states[..., 0]),
        ControlCost() + plain,
        plain + ControlCost(),
        2.0 * (ControlCost() + Own()),
        ring,
        ControlCost().subject_to(ring),
        ControlCost().subject_to(plain),
        ControlCost().subject_to(StateBox((0,), low=0.0), plain),
        (ControlCost() + plain).subject_to(StateBox((0,), low=0.0)),
    ],
)
def test_no_terms_if_any_part_has_none(objective):
    assert objective.terms(WIDTH) is None
    assert objective.table(WIDTH) is None
    assert objective.table(WIDTH) is None


def test_a_table_is_laid_out_once_for_each_width():
    asked = []

    class Counting(ControlCost):
        def terms(self, state_dim):
            asked.append(state_dim)
            return super().terms(state_dim)

    objective = Counting(weight=2.0)
    table = objective.table(3)
    assert objective.table(3) is table
    assert objective.table(4) is not table
    assert asked == [3, 4]
    assert objective == Counting(weight=2.0)
    assert hash(objective) == hash(Counting(weight=2.0))


def test_columns_are_counted_from_the_end_of_the_states_at_hand():
    box = StateBox((0, -1), high=1.0)
    assert box.terms(4)[0].columns == (0, 3)
    assert box.terms(9)[0].columns == (0, 8)


@pytest.mark.parametrize(
    "objective",
    [
        ForwardVelocity(index=5, dt=0.1),
        GoalPosition((0, 5), target=0.0),
        StateBox((0, -6), low=0.0),
        Clearance((0, 5), (Sphere((0.0, 0.0), 1.0),)),
        OBJECTIVES["goal pose"],
        2.0 * StateBox((7,), low=0.0) + ControlCost(),
        ControlCost().subject_to(StateBox((7,), low=0.0)),
    ],
)
def test_a_column_that_is_not_there_is_refused_as_in_a_call(objective):
    states, actions = torch.zeros(1, 2, 4, 5), torch.zeros(1, 2, 3, 1)
    call = getattr(objective, "violation", objective)
    with pytest.raises(InputError, match="but states have 5 columns") as called:
        call(states, actions)
    for ask in (objective.terms, objective.table):
        with pytest.raises(InputError) as asked:
            ask(5)
        assert str(asked.value) == str(called.value)


def test_a_sum_is_flat():
    total = (ControlCost() + SmoothnessCost()) + (ControlCost() + plain)
    assert isinstance(total, Sum)
    assert len(total.parts) == 4
