"""iCEM: its noise, its memory for elites, its rounds that shrink."""

import dataclasses
import math

import pytest
import torch

from hyperdyn.planners import CEM, ICEM, MPC, ActionBox, Uniform
from hyperdyn.planners.icem import Remembering

STATE = torch.tensor([[0.4, 0.1], [-0.5, 0.3]])


def test_rounds_shrink_to_twice_the_elites(point_masses, goal, rng):
    dynamics = point_masses([1.0])
    planner = ICEM(horizon=4, samples=100, elites=20, iterations=5, shrinking=1.5)
    planner.plan(dynamics, STATE[:1], goal, generator=rng)
    assert [a.shape[1] for a in dynamics.seen_actions] == [100, 66, 44, 40, 40]


def test_the_best_elites_compete_again_in_the_next_round(point_masses, goal, rng):
    dynamics = point_masses([1.0, -2.0])
    planner = ICEM(horizon=4, samples=60, elites=10, iterations=3, kept_share=0.4)
    planner.plan(dynamics, STATE, goal, generator=rng)
    for before, after in zip(dynamics.seen_actions, dynamics.seen_actions[1:], strict=False):
        returns = goal(point_masses([1.0, -2.0]).rollout(STATE, before), before)
        for system in range(2):
            best = before[system, returns[system].topk(4).indices]
            torch.testing.assert_close(after[system, 1:5], best, rtol=0, atol=0)


def test_nothing_is_kept_if_asked(point_masses, goal, rng):
    dynamics = point_masses([1.0])
    planner = ICEM(horizon=4, samples=60, elites=10, iterations=2, kept_share=0.0)
    plan = planner.plan(dynamics, STATE[:1], goal, generator=rng)
    first, second = (a[0].flatten(1) for a in dynamics.seen_actions)
    assert (torch.cdist(first, second) > 0).all()
    assert plan.carried.shape == (1, 0, 4, 1)


def test_the_mean_competes_in_the_last_round_only(rng):
    box = ActionBox(2, 4, torch.tensor([-1.0]), torch.tensor([1.0]))
    planner = ICEM(horizon=4, samples=40, elites=4, iterations=3)
    params = planner.initial(box, box.plans(torch.tensor([0.3])))
    for last in (False, False, True):
        drawn = planner.sample(params, 40, rng)
        assert torch.equal(drawn[:, 0], params.gaussian.mean) is last
        params = planner.update(params, drawn, drawn[:, :, 0, 0])


def test_the_elites_carried_compete_in_the_next_plan(point_masses, goal, rng):
    dynamics = point_masses([1.0, -2.0])
    planner = ICEM(horizon=4, samples=60, elites=10, iterations=2, kept_share=0.5)
    first = planner.plan(dynamics, STATE, goal, generator=rng)
    assert first.carried.shape == (2, 5, 4, 1)
    returns = goal(dynamics.rollout(STATE, first.carried), first.carried)
    assert torch.equal(returns.argsort(dim=1, descending=True), torch.arange(5).expand(2, 5))

    for proposal in (None, Uniform()):
        dynamics.seen_actions.clear()
        planner.plan(dynamics, STATE, goal, proposal=proposal, previous=first, generator=rng)
        moved = torch.cat([first.carried[:, :, 1:], first.carried[:, :, -1:]], dim=2)
        assert torch.equal(dynamics.seen_actions[0][:, 1:6], moved)


def test_without_keep_previous_no_elite_is_taken_over(point_masses, goal, rng):
    dynamics = point_masses([1.0])
    planner = ICEM(horizon=4, samples=60, elites=10, keep_previous=False)
    first = planner.plan(dynamics, STATE[:1], goal, generator=rng)
    dynamics.seen_actions.clear()
    planner.plan(dynamics, STATE[:1], goal, previous=first, generator=rng)
    moved = torch.cat([first.carried[:, :, 1:], first.carried[:, :, -1:]], dim=2)
    assert (torch.cdist(moved[0, :, :, 0], dynamics.seen_actions[0][0, :, :, 0]) > 0).all()


def test_a_controller_hands_the_elites_on_but_not_past_a_reset(point_masses, goal, rng):
    dynamics = point_masses([1.0, 1.0])
    controller = MPC(ICEM(horizon=4, samples=60, elites=10), goal, generator=rng)
    controller.act(dynamics, STATE)
    moved = controller.last_plan.carried.roll(-1, dims=2)[:, :, :3]
    controller.reset([True, False])
    dynamics.seen_actions.clear()
    controller.act(dynamics, STATE)
    first = dynamics.seen_actions[0][:, 1:4, :3]
    assert torch.equal(first[1], moved[1])
    assert not torch.equal(first[0], moved[0])


def test_what_is_carried_is_finite_where_nothing_was(point_masses, goal, rng):
    def second_system(states, actions):
        states = states.clone()
        states[1] = math.nan
        return states

    dynamics = point_masses([1.0, 1.0], spoil=second_system)
    planner = ICEM(horizon=4, samples=60, elites=10)
    previous = torch.full((2, 4, 1), 0.25)
    plan = planner.plan(dynamics, STATE, goal, previous=previous, generator=rng)
    assert plan.carried.isfinite().all()
    assert plan.carried[1].unique().tolist() == [0.25]


def test_elites_that_could_not_be_ranked_are_not_kept():
    planner = ICEM(horizon=1, samples=4, elites=2, kept_share=1.0, smoothing=0.0)
    box = ActionBox(1, 1, torch.tensor([-1.0]), torch.tensor([1.0]))
    start = planner.initial(box, torch.zeros(1, 1, 1))
    actions = torch.tensor([0.9, 0.4, -0.9, 0.8]).reshape(1, 4, 1, 1)
    never = -math.inf
    params = planner.update(start, actions, torch.tensor([[never, -1.0, never, never]]))
    assert params.kept.flatten().tolist() == pytest.approx([0.4, 0.4])
    assert params.gaussian.mean.item() == pytest.approx(0.4)
    assert isinstance(params, Remembering)


@pytest.mark.parametrize("axes", [1, 3])
def test_each_action_dimension_has_its_own_deviation(point_masses, goal, rng, axes):
    dynamics = point_masses([1.0], axes=axes)
    std = [0.05, 0.1, 0.2][:axes]
    planner = ICEM(horizon=5, samples=4000, iterations=1, initial_std=std, low=-9.0, high=9.0)
    planner.plan(dynamics, torch.zeros(1, 2 * axes), goal, generator=rng)
    wanted = 9.0 * torch.tensor(std).expand(5, axes)
    torch.testing.assert_close(dynamics.seen_actions[0][0].std(0), wanted, rtol=0.06, atol=0.0)


def test_the_exponent_makes_neighbours_alike(point_masses, goal, rng):
    def neighbours(exponent):
        dynamics = point_masses([1.0])
        planner = ICEM(
            horizon=20, samples=2000, iterations=1, noise_exponent=exponent, initial_std=0.1
        )
        planner.plan(dynamics, STATE[:1], goal, generator=rng)
        steps = dynamics.seen_actions[0][0, :, :, 0]
        return (steps[:, 1:] * steps[:, :-1]).mean() / steps.square().mean()

    white, pink, red = (neighbours(exponent) for exponent in (0.0, 1.0, 2.0))
    assert abs(white) < 0.03
    assert pink > 0.3
    assert red > pink + 0.2


def test_its_settings_begin_with_those_of_cem():
    settings = {field.name: field.default for field in dataclasses.fields(ICEM)}
    for field in dataclasses.fields(CEM):
        assert settings[field.name] == field.default
