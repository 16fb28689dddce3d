"""Generated policies as proposals: in generated and in true dynamics, good ones and bad ones.

The problem is a double integrator on two axes with a quadratic objective: its optimum is known in
closed form (least squares over the plan), as no bound is met.
"""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from hyperdyn.dynamics import GeneratedDynamics
from hyperdyn.networks import MLPSpec, join_parameters
from hyperdyn.planners import CEM, ICEM, MPPI, Mixture, PolicyProposal, Share
from hyperdyn.policies import GeneratedPolicy, ObservingPolicy
from hyperdyn.states import Field, StateSpace

SYSTEMS, HORIZON, DT = 64, 8, 0.2
SHARE, STD = 0.1, 0.1
SEEDS = 4
EYE, ZERO = torch.eye(2), torch.zeros(2, 2)
MOVE = torch.cat([torch.cat([EYE, DT * EYE], 1), torch.cat([ZERO, EYE], 1)])
PUSH = torch.cat([ZERO, DT * EYE])
PLANNERS = {
    "cem": CEM(horizon=HORIZON, samples=100, iterations=5, elites=10),
    "icem": ICEM(horizon=HORIZON, samples=100, iterations=5, elites=10),
    "mppi": MPPI(horizon=HORIZON, samples=100, iterations=5),
}
every_planner = pytest.mark.parametrize("name", PLANNERS)
every_dynamics = pytest.mark.parametrize("kind", ["generated", "true"])


@dataclass
class TrueDynamics:
    """Can be rolled out, and no more: from one state of each system."""

    num_systems: int = SYSTEMS
    state_dim: int = 4
    action_dim: int = 2

    def rollout(self, states: Tensor, actions: Tensor) -> Tensor:
        found = [states[:, None].expand(-1, actions.shape[1], -1)]
        for step in range(actions.shape[2]):
            found.append(found[-1] @ MOVE.T + actions[:, :, step] @ PUSH.T)
        return torch.stack(found, dim=2)


def dynamics(kind):
    if kind == "true":
        return TrueDynamics()
    weight = torch.cat([MOVE - torch.eye(4), PUSH], 1).expand(SYSTEMS, -1, -1)
    return GeneratedDynamics(
        MLPSpec(sizes=(6, 4)),
        StateSpace((Field(name="state", size=4),)),
        join_parameters([(weight, torch.zeros(SYSTEMS, 4))]),
    )


def objective(states, actions):
    return -states[:, :, 1:].square().sum((-2, -1)) - 0.1 * actions.square().sum((-2, -1))


def beginnings():
    return 0.1 * torch.randn(SYSTEMS, 4, generator=torch.Generator().manual_seed(5))


def best_return():
    """The most there is, of every system."""
    free, forced, rows, target = beginnings().double(), torch.zeros(4, 16).double(), [], []
    move, push = MOVE.double(), PUSH.double()
    for step in range(HORIZON):
        free, forced = free @ move.T, move @ forced
        forced[:, 2 * step : 2 * step + 2] += push
        rows.append(forced)
        target.append(-free)
    matrix = torch.cat([*rows, 0.1**0.5 * torch.eye(16).double()])
    wanted = torch.cat([*target, torch.zeros(SYSTEMS, 16).double()], dim=1).T
    plan = torch.linalg.lstsq(matrix, wanted).solution
    assert plan.abs().max() < 1
    return -(matrix @ plan - wanted).square().sum(0).float()


def policy(gain):
    """tanh(gain · (positions + velocities)), a one-layer network for every system."""
    weight = gain * torch.cat([EYE, EYE], 1).expand(SYSTEMS, -1, -1)
    parameters = join_parameters([(weight, torch.zeros(SYSTEMS, 2))])
    return GeneratedPolicy(MLPSpec(sizes=(4, 2)), parameters)


GOOD, SABOTAGED = -1.3, 40.0
"""Gains; the second drives every system away, at full power."""


def proposal(gain, share=SHARE):
    return Mixture((Share("policy", PolicyProposal(policy(gain).act, STD), share),))


def gap(name, kind, mixture, seed=0, **changes):
    """How much each system's plan returns less than the most there is."""
    planner = replace(PLANNERS[name], **changes)
    plan = planner.plan(
        dynamics(kind),
        beginnings(),
        objective,
        proposal=mixture,
        generator=torch.Generator().manual_seed(seed),
    )
    assert plan.dropped == ()
    found = dynamics(kind).rollout(beginnings(), plan.actions[:, None])
    return best_return() - objective(found, plan.actions[:, None])[:, 0]


@every_dynamics
def test_its_first_sequence_is_the_policys_own(kind):
    own = policy(GOOD)
    actions = PolicyProposal(own.act, STD).propose(
        dynamics(kind),
        beginnings(),
        5,
        horizon=HORIZON,
        low=-torch.ones(2),
        high=torch.ones(2),
        generator=torch.Generator().manual_seed(0),
    )
    states = dynamics(kind).rollout(beginnings(), actions)
    for step in range(HORIZON):
        torch.testing.assert_close(actions[:, 0, step], own.act(states[:, 0, step]))
        noise = actions[:, 1:, step] - own.act(states[:, 1:, step])
        assert 0.08 < noise.std() < 0.12


@every_dynamics
@every_planner
def test_a_good_policy_is_worth_four_times_the_candidates(name, kind):
    few = {"samples": 25} if name == "mppi" else {"samples": 25, "elites": 5}
    assisted = gap(name, kind, proposal(GOOD), **few)
    assert assisted.min() > -1e-5
    assert assisted.mean() < gap(name, kind, None).mean()


@every_dynamics
@every_planner
def test_a_sabotaged_policy_costs_no_more_than_noise(name, kind):
    """A tenth of the first of five rounds is wasted; evaluations are equal with and without it.

    Noise is how much the plan of one system varies with the seed. The mean cost is far below it.
    """
    alone = torch.stack([gap(name, kind, None, seed) for seed in range(SEEDS)])
    mixed = torch.stack([gap(name, kind, proposal(SABOTAGED), seed) for seed in range(SEEDS)])
    noise = alone.std(dim=0).mean()
    assert mixed.mean() - alone.mean() < noise / 4
    assert mixed.mean() < 1.1 * alone.mean()
    actions = policy(SABOTAGED).act(beginnings())[:, None, None].expand(-1, 1, HORIZON, -1)
    followed = objective(dynamics(kind).rollout(beginnings(), actions), actions)[:, 0]
    assert (best_return() - followed).mean() > 100 * mixed.mean()


def test_in_the_true_simulator_it_does_what_it_does_in_the_environment():
    pytest.importorskip("dm_control")
    from hyperdyn import envs
    from hyperdyn.envs.suite.true_dynamics import SuiteSimulators

    made = [envs.make("hyperdyn/SuiteCheetahSpeed-v0") for _ in range(2)]
    seen = [
        env.reset(seed=index, options={"speed": speed})[0]
        for index, (env, speed) in enumerate(zip(made, (-3.0, 5.0), strict=True))
    ]
    spec = MLPSpec(sizes=(17, 8, 6))
    generator = torch.Generator().manual_seed(0)
    own = GeneratedPolicy(spec, torch.randn(2, spec.num_parameters, generator=generator))
    simulators = SuiteSimulators([env.unwrapped for env in made])
    bound = torch.ones(6).double()
    actions = PolicyProposal(ObservingPolicy(own, simulators.view.observation), STD).propose(
        simulators.dynamics,
        simulators.states(),
        2,
        horizon=4,
        low=-bound,
        high=bound,
        generator=generator,
    )
    assert actions.dtype == torch.float64
    for step in range(4):
        for index, env in enumerate(made):
            observation = torch.as_tensor(seen[index], dtype=torch.float32)
            action = own[index].act(observation[None])[0]
            torch.testing.assert_close(
                actions[index, 0, step].float(), action, rtol=1e-4, atol=1e-4
            )
            seen[index] = env.step(action.numpy())[0]
    for env in made:
        env.close()
