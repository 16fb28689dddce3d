"""Hard constraints: how violations are measured, kept and added up."""

import math
import pickle

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners import ControlCost, ForwardVelocity, StateBox
from hyperdyn.planners.clearance import Clearance
from hyperdyn.planners.constraints import Constraint
from hyperdyn.planners.objectives import Constrained, Scaled, Sum
from hyperdyn.planners.obstacles import Sphere

BOX = StateBox((0,), high=0.5)
BALL = Clearance((0, 1), (Sphere((0.0, 0.0), 0.5),))
FORWARD = ForwardVelocity(index=0, dt=0.1)


@pytest.fixture
def trajectories(rng):
    """States [E, N, H+1, S] and actions [E, N, H, A]."""
    states = torch.randn(2, 5, 9, 4, generator=rng, dtype=torch.float64)
    return states, torch.randn(2, 5, 8, 3, generator=rng, dtype=torch.float64)


def too_fast(states, actions):
    """A user's plain function: by how much the largest action exceeds one."""
    return actions.abs().amax(dim=(2, 3)) - 1.0


def test_returns_are_the_objectives_and_violations_the_constraints(trajectories):
    constrained = FORWARD.subject_to(BOX, BALL, too_fast)
    assert isinstance(constrained, Constrained)
    torch.testing.assert_close(constrained(*trajectories), FORWARD(*trajectories))
    wanted = BOX.violation(*trajectories) + BALL.violation(*trajectories)
    wanted = wanted + too_fast(*trajectories).clamp(min=0)
    torch.testing.assert_close(constrained.violation(*trajectories), wanted)


def test_less_than_nothing_is_no_merit(trajectories):
    """A constraint that is well respected does not make up for another."""
    generous = FORWARD.subject_to(lambda states, actions: -too_fast(states, actions).abs() - 9)
    assert (generous.violation(*trajectories) == 0).all()
    both = generous.subject_to(BOX)
    torch.testing.assert_close(both.violation(*trajectories), BOX.violation(*trajectories))


def test_a_yes_or_no_counts_one_or_zero(trajectories):
    yes = FORWARD.subject_to(lambda states, actions: too_fast(states, actions) > 0.5)
    wanted = (too_fast(*trajectories) > 0.5).double()
    assert torch.equal(yes.violation(*trajectories), wanted)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_violation_that_is_no_number_is_passed_on(trajectories, value):
    def spoilt(states, actions):
        violation = too_fast(states, actions)
        violation[0, 1] = value
        return violation

    violation = FORWARD.subject_to(BOX, spoilt).violation(*trajectories)
    assert (~violation.isfinite()).nonzero().tolist() == [[0, 1]]


def test_adding_keeps_the_constraints_of_both(trajectories):
    def height(states, actions):
        return states[:, :, -1, 1]

    box, ball = FORWARD.subject_to(BOX), ControlCost().subject_to(BALL)
    returns = FORWARD(*trajectories) + ControlCost()(*trajectories)
    for total, constraints in (
        (box + ControlCost(), (BOX,)),
        (ControlCost() + box, (BOX,)),
        (box + ball, (BOX, BALL)),
        ((FORWARD + ControlCost()).subject_to(BOX).subject_to(BALL), (BOX, BALL)),
    ):
        assert isinstance(total, Constrained)
        assert total.constraints == constraints
        torch.testing.assert_close(total(*trajectories), returns)
    for total in (height + box, box + height):
        assert isinstance(total, Constrained)
        torch.testing.assert_close(
            total(*trajectories), FORWARD(*trajectories) + height(*trajectories)
        )
        torch.testing.assert_close(total.violation(*trajectories), BOX.violation(*trajectories))


def test_scaling_keeps_the_constraints_as_they_are(trajectories):
    constrained = FORWARD.subject_to(BOX)
    for scaled in (3 * constrained, constrained * 3.0, 3.0 * (0.5 * constrained + 0.5 * FORWARD)):
        assert isinstance(scaled, Constrained)
        assert scaled.constraints == (BOX,)
        torch.testing.assert_close(scaled(*trajectories), 3 * FORWARD(*trajectories))
    with pytest.raises(TypeError):
        constrained * "2"


def test_a_soft_state_box_is_no_constraint(trajectories):
    total = FORWARD + BOX
    assert not isinstance(total, Constrained)
    torch.testing.assert_close(total(*trajectories), FORWARD(*trajectories) + BOX(*trajectories))


def test_what_is_constrained_can_constrain_another(trajectories):
    inner = ControlCost().subject_to(BOX)
    outer = FORWARD.subject_to(inner, BALL)
    wanted = BOX.violation(*trajectories) + BALL.violation(*trajectories)
    torch.testing.assert_close(outer.violation(*trajectories), wanted)
    assert len(outer.table(4).terms) == 3


def test_an_object_with_a_violation_is_a_constraint(trajectories):
    class Above:
        def violation(self, states, actions):
            return (0.2 - states[..., 1]).clamp(min=0).amax(dim=-1)

    assert isinstance(Above(), Constraint)
    wanted = Above().violation(*trajectories)
    torch.testing.assert_close(FORWARD.subject_to(Above()).violation(*trajectories), wanted)


def test_it_can_be_pickled(trajectories):
    constrained = FORWARD.subject_to(BOX, BALL)
    constrained.table(4)
    again = pickle.loads(pickle.dumps(constrained))
    assert again == constrained
    torch.testing.assert_close(again.violation(*trajectories), constrained.violation(*trajectories))


@pytest.mark.parametrize(
    ("value", "given"),
    [
        (lambda states, actions: states[..., 0], r"a tensor of shape \(2, 5, 9\)"),
        (lambda states, actions: 0.0, "a float"),
        (lambda states, actions: None, "a NoneType"),
    ],
)
def test_a_violation_of_another_shape(trajectories, value, given):
    value.__name__ = "crash"
    with pytest.raises(InputError, match=rf"constraint crash returned {given}; .*\(2, 5\)"):
        FORWARD.subject_to(value).violation(*trajectories)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: FORWARD.subject_to(), "needs at least one constraint"),
        (lambda: FORWARD.subject_to(3.0), "3.0 is no constraint"),
        # A cost is never positive, so as a constraint it would never be violated.
        (lambda: FORWARD.subject_to(ControlCost()), r"ControlCost\(weight=0.05\) is no constraint"),
        (lambda: Sum((FORWARD, FORWARD.subject_to(BOX))), "Sum would lose the constraints"),
        (lambda: Scaled(FORWARD.subject_to(BOX), 2.0), "Scaled would lose the constraints"),
    ],
)
def test_settings_that_cannot_be(make, text):
    with pytest.raises(InputError, match=text):
        make()
