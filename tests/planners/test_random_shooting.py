"""Random shooting: one round of uniform candidates, the best of which is the plan."""

import torch

from hyperdyn.planners import RandomShooting, Uniform


def test_defaults_are_the_papers():
    planner = RandomShooting()
    assert (planner.samples, planner.horizon, planner.iterations) == (500, 20, 1)
    assert not planner.keep_previous


def test_the_best_of_the_candidates_wins(point_masses, goal, rng):
    dynamics, state = point_masses([1.0, -1.0]), torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    plan = RandomShooting(horizon=4, samples=50).plan(dynamics, state, goal, generator=rng)
    (candidates,) = dynamics.seen_actions
    assert candidates.shape == (2, 50, 4, 1)
    returns = goal(dynamics.rollout(state, candidates), candidates)
    assert torch.equal(plan.expected_return, returns.amax(dim=1))
    for system, index in enumerate(returns.argmax(dim=1)):
        assert torch.equal(plan.actions[system], candidates[system, index])


def test_candidates_are_uniform_and_independent(point_masses, goal, rng):
    dynamics = point_masses([1.0, 1.0], axes=2)
    planner = RandomShooting(horizon=10, samples=2000, low=(-1.0, 2.0), high=(1.0, 6.0))
    planner.plan(dynamics, torch.zeros(2, 4), goal, generator=rng)
    unit = (dynamics.seen_actions[0] - torch.tensor([-1.0, 2.0])) / torch.tensor([2.0, 4.0])
    deciles = torch.histc(unit[..., 1], bins=10, min=0.0, max=1.0) / unit[..., 1].numel()
    torch.testing.assert_close(deciles, torch.full((10,), 0.1), atol=0.01, rtol=0)
    streams = torch.cat([unit[0].flatten(1), unit[1].flatten(1)], dim=1)  # E, H and A as columns
    correlation = streams.T.corrcoef() - torch.eye(streams.shape[1])
    assert correlation.abs().max() < 0.12


def test_a_proposal_replaces_the_uniform_draw(point_masses, goal, rng):
    dynamics = point_masses([1.0])
    planner = RandomShooting(horizon=6, samples=20)
    planner.plan(dynamics, torch.ones(1, 2), goal, proposal=Uniform(hold=3), generator=rng)
    assert len(dynamics.seen_actions) == 1
    halves = dynamics.seen_actions[0].reshape(20, 2, 3)
    assert (halves == halves[..., :1]).all()
    assert (halves[:, 0] != halves[:, 1]).all()


def test_more_candidates_come_closer_to_the_optimum(point_masses, goal, best_return):
    state = torch.tensor([[0.4, 0.1]])

    def gap(samples: int) -> float:
        dynamics = point_masses([1.0])
        total = 0.0
        for seed in range(10):
            rng = torch.Generator().manual_seed(seed)
            planner = RandomShooting(horizon=6, samples=samples)
            plan = planner.plan(dynamics, state, goal, generator=rng)
            total += (best_return(dynamics, state, 6) - plan.expected_return).item() / 10
        return total

    assert 0.0 < gap(5000) < 0.4 * gap(50)
