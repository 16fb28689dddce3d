"""Gradient refinement: it climbs, stays in bounds, and leaves no trace."""

import dataclasses
import gc
import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners import ActionBox, ControlCost, GoalPosition, StateBox
from hyperdyn.planners.ensemble import Ensemble
from hyperdyn.planners.refinement import GradientRefinement
from tests.hyperdyn.models import fitted, history

H = 6


def box(systems, dims, low=-1.0, high=1.0, **kind):
    low, high = (torch.full((dims,), bound, **kind) for bound in (low, high))
    return ActionBox(systems=systems, horizon=H, low=low, high=high)


@pytest.fixture
def problem(point_masses, rng):
    """Two point masses, far from where they should be, and four plans for each."""
    dynamics = point_masses([1.0, 0.5], axes=2)
    actions = 0.6 * torch.rand(2, 4, H, 2, generator=rng) - 0.3
    return dynamics, torch.randn(2, 4, generator=rng), actions


def test_every_step_climbs(problem, goal):
    dynamics, start, actions = problem
    refined = GradientRefinement(steps=4, rate=0.05).refine(
        dynamics, goal, start, actions, box(2, 2)
    )
    assert refined.shape == (2, 16, H, 2)
    plans = torch.cat((actions, refined), dim=1)
    returns = goal(dynamics.rollout(start, plans), plans).unflatten(1, (5, 4))
    assert (returns.diff(dim=1) > 0).all()


def test_a_step_has_the_size_asked_for(problem, goal):
    dynamics, start, actions = problem
    for low, high in ((-1.0, 1.0), (-5.0, 15.0)):
        room = box(2, 2, low, high)
        given = actions + room.middle
        refined = GradientRefinement(steps=1, rate=0.01).refine(dynamics, goal, start, given, room)
        step = ((refined - given) / room.half_range).square().mean(dim=(2, 3)).sqrt()
        torch.testing.assert_close(step, torch.full((2, 4), 0.01), rtol=1e-3, atol=0.0)


def test_the_units_of_actions_do_not_matter(problem):
    """Newtons along one axis and kilonewtons along the other: the same plans, in other numbers."""
    dynamics, start, actions = problem
    units = torch.tensor([1.0, 1000.0])
    scaled = dataclasses.replace(dynamics, b=dynamics.b * units)
    room = ActionBox(systems=2, horizon=H, low=-1 / units, high=1 / units)
    refine, nearness = GradientRefinement().refine, GoalPosition((0, 1), target=3.0)
    wanted = refine(dynamics, nearness, start, actions, box(2, 2))
    refined = refine(scaled, nearness, start, actions / units, room)
    torch.testing.assert_close(refined * units, wanted)


def test_it_climbs_through_a_generated_model(rng):
    """The compiled kernel has no gradient: the reference steps in, whoever plans without it."""
    dynamics, start = fitted().generate(history()), torch.randn(3, 4, generator=rng)
    objective = GoalPosition((0, 1), target=5.0) + ControlCost()
    actions = torch.zeros(3, 2, H, 3)
    for mode in (torch.no_grad, torch.enable_grad):
        with mode():
            refined = GradientRefinement(rate=0.02).refine(
                dynamics, objective, start, actions, box(3, 3)
            )
        assert not refined.requires_grad
        with torch.no_grad():
            returns = objective(dynamics.rollout(start, refined), refined).unflatten(1, (5, 2))
            before = objective(dynamics.rollout(start, actions), actions)
        assert (returns.amax(dim=1) > before).all()


def tensors():
    """How many tensors there are in memory."""
    gc.collect()
    return sum(type(thing) is Tensor for thing in gc.get_objects())


def test_it_leaves_no_trace(rng):
    generated = fitted().generate(history())
    weights = generated.parameters.clone().requires_grad_()
    dynamics = dataclasses.replace(generated, parameters=2 * weights)
    start = torch.randn(3, 4, generator=rng, requires_grad=True)
    actions = torch.zeros(3, 2, H, 3, requires_grad=True)
    refine, room, goal = GradientRefinement().refine, box(3, 3), GoalPosition((0, 1), target=5.0)
    refine(dynamics, goal, start, actions, room)  # what is kept, such as bounds, is kept once
    before = tensors()
    refined = refine(dynamics, goal, start, actions, room)
    assert tensors() == before + 1
    assert (actions == 0).all()
    assert refined.grad_fn is None
    assert actions.grad is start.grad is weights.grad is None
    dynamics.rollout(start, actions).sum().backward()  # the user's graph is whole
    assert weights.grad is not None


def test_it_works_inside_inference_mode(problem, goal):
    dynamics, start, actions = problem
    with torch.inference_mode():
        inside = GradientRefinement().refine(
            dynamics, goal, start.clone(), actions.clone(), box(2, 2)
        )
    outside = GradientRefinement().refine(dynamics, goal, start, actions, box(2, 2))
    assert torch.equal(inside, outside)


def test_actions_stay_within_bounds_and_fixed_ones_stay(problem, goal):
    dynamics, start, actions = problem
    low, high = torch.tensor([-0.4, 0.1]), torch.tensor([0.35, 0.1])
    room = ActionBox(systems=2, horizon=H, low=low, high=high)
    given = room.clip(actions.clone())
    refined = GradientRefinement(steps=20, rate=0.5).refine(dynamics, goal, start, given, room)
    assert (refined >= low).all()
    assert (refined <= high).all()
    assert (refined[..., 1] == 0.1).all()
    assert (refined[..., 0] == low[0]).any()


def test_a_plan_without_a_gradient_stays_and_the_others_go_on(problem, goal):
    dynamics, start, actions = problem

    def spoilt(states, actions):
        returns = goal(states, actions)
        holes = torch.ones_like(returns)
        holes[0, 1] = math.nan
        return returns * holes

    refine = GradientRefinement(steps=3).refine
    refined = refine(dynamics, spoilt, start, actions, box(2, 2)).unflatten(1, (3, 4))
    whole = refine(dynamics, goal, start, actions, box(2, 2)).unflatten(1, (3, 4))
    assert (refined[0, :, 1] == actions[0, 1]).all()
    refined[0, :, 1] = whole[0, :, 1]
    assert torch.equal(refined, whole)


def test_a_plan_goes_on_once_it_has_a_gradient_again(problem, goal):
    dynamics, start, actions = problem
    calls = []

    def spoilt_at_times(states, actions):
        calls.append(len(calls))
        return goal(states, actions) * (math.nan if calls[-1] in (0, 2) else 1.0)

    refined = GradientRefinement(steps=4).refine(
        dynamics, spoilt_at_times, start, actions, box(2, 2)
    )
    steps = torch.cat((actions, refined), dim=1).unflatten(1, (5, 4)).diff(dim=1)
    moved = steps.abs().amax(dim=(0, 2, 3, 4))
    assert (moved > 0).tolist() == [False, True, False, True]
    plans = refined.unflatten(1, (4, 4))[:, -1]
    assert (
        goal(dynamics.rollout(start, plans), plans)
        > goal(dynamics.rollout(start, actions), actions)
    ).all()


def test_it_asks_before_each_step(problem, goal):
    dynamics, start, actions = problem
    for allowed in (0, 2):
        left = [True] * allowed + [False]
        refined = GradientRefinement(steps=5).refine(
            dynamics, goal, start, actions, box(2, 2), lambda left=left: left.pop(0)
        )
        assert refined.shape == (2, 4 * allowed, H, 2)
        assert len(dynamics.seen_actions) == allowed


def test_a_violated_constraint_comes_first(problem):
    """The goal lies beyond the wall: plans beyond it come back, those before it go on."""
    dynamics, _, _ = problem
    start = torch.zeros(2, 4)
    wall = StateBox((0, 1), high=0.3)
    objective = (100.0 * GoalPosition((0, 1), target=5.0)).subject_to(wall)
    plans = torch.stack((torch.full((H, 2), 0.9), torch.full((H, 2), -0.5)))
    plans = plans.expand(2, 2, H, 2)
    refined = GradientRefinement(steps=5, rate=0.05).refine(
        dynamics, objective, start, plans, box(2, 2)
    )
    plans = torch.cat((plans, refined), dim=1)
    rolled = dynamics.rollout(start, plans)
    violation = wall.violation(rolled, plans).unflatten(1, (6, 2))
    returns = objective(rolled, plans).unflatten(1, (6, 2))
    assert (violation[0, 0, 0] > 0).all()
    assert (violation[0, :, 0].diff() < 0).all()
    assert (violation[:, :, 1] == 0).all()
    assert (returns[:, :, 1].diff(dim=1) > 0).all()


@pytest.mark.parametrize("risk", ["mean", "worst", "mean-minus-std"])
def test_an_ensemble_climbs_by_its_risk(point_masses, goal, risk, rng):
    members = tuple(point_masses([gain]) for gain in (1.0, 2.0, 4.0))
    ensemble = Ensemble(members, risk=risk)
    start = torch.tensor([[2.0, 0.0]])
    actions = 0.1 * torch.randn(1, 3, H, 1, generator=rng)
    refined = GradientRefinement(steps=3, rate=0.05).refine(
        ensemble, goal, start, actions, box(1, 1)
    )
    plans = torch.cat((actions, refined), dim=1)
    returns = torch.stack([goal(member.rollout(start, plans), plans) for member in members])
    assert (ensemble.aggregate(returns).unflatten(1, (4, 3)).diff(dim=1) > 0).all()


def test_it_follows_the_dtype_planned_with(problem, goal):
    dynamics, start, actions = problem
    dynamics.a, dynamics.b = dynamics.a.double(), dynamics.b.double()
    refined = GradientRefinement().refine(
        dynamics, goal, start.double(), actions.double(), box(2, 2, dtype=torch.float64)
    )
    assert refined.dtype == torch.float64


@dataclass
class Simulator:
    """Dynamics that torch cannot look into."""

    inner: object
    through: object

    def rollout(self, states, actions):
        return self.through(self.inner.rollout(states, self.through(actions)))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("through", "text"),
    [
        (lambda tensor: tensor.detach(), "Simulator returns states without one"),
        (lambda tensor: torch.from_numpy(tensor.numpy()), "cannot differentiate .* Simulator"),
    ],
)
def test_dynamics_without_a_gradient(problem, goal, through, text):
    dynamics, start, actions = problem
    with pytest.raises(InputError, match=text) as raised:
        GradientRefinement().refine(Simulator(dynamics, through), goal, start, actions, box(2, 2))
    assert "Plan without a refinement, or with dynamics" in str(raised.value)


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        (lambda states, actions: states.detach()[:, :, -1, 0], "returns them without one"),
        (lambda states, actions: torch.tensor(states.numpy()[:, :, -1, 0]), "cannot different"),
    ],
)
def test_an_objective_without_a_gradient(problem, objective, text):
    dynamics, start, actions = problem
    with pytest.raises(InputError, match=text):
        GradientRefinement().refine(dynamics, objective, start, actions, box(2, 2))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"candidates": 0}, "candidates must be a whole number of at least 1, got 0"),
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"rate": 0.0}, "rate must be finite, above 0; got 0.0"),
        ({"rate": math.inf}, "rate must be finite, above 0; got inf"),
    ],
)
def test_settings_that_cannot_be(settings, text):
    with pytest.raises(InputError, match=text):
        GradientRefinement(**settings)
