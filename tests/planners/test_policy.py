"""A policy as a proposal: what it sees, and what comes of it."""

import math

import pytest
import torch

from hyperdyn.dynamics import SteppingDynamics
from hyperdyn.envs.control import flat_cheetah, flat_cheetah_start
from hyperdyn.errors import InputError
from hyperdyn.planners import PolicyProposal, Proposal, RandomShooting

GAIN = torch.tensor([[-0.5, -0.9]])
STATE = torch.tensor([[0.4, 0.1], [-0.5, 0.3]])


def brake(states):
    """Linear feedback on position and velocity."""
    return states @ GAIN.T


def propose(policy, dynamics, rng, *, std=0.0, n=3, horizon=6, low=-1.0, high=1.0):
    return PolicyProposal(policy, std).propose(
        dynamics,
        STATE,
        n,
        horizon=horizon,
        low=torch.tensor([low]),
        high=torch.tensor([high]),
        generator=rng,
    )


def test_the_policy_is_followed_in_each_system(point_masses, rng):
    dynamics = point_masses([1.0, -2.0])
    assert isinstance(PolicyProposal(brake), Proposal)
    actions = propose(brake, dynamics, rng)
    state = STATE
    for step in range(6):
        wanted = brake(state).clamp(-1, 1)
        for candidate in range(3):
            torch.testing.assert_close(actions[:, candidate, step], wanted)
        state = dynamics.rollout(state, wanted[:, None, None])[:, 0, 1]


def test_dynamics_that_advance_are_asked_once_a_step(rng):
    class Advancing(SteppingDynamics):
        state_dim, action_dim, num_systems = 2, 1, 2
        steps = 0

        def rollout(self, states, actions):
            raise AssertionError("nothing needs to be rolled out anew")

        def advance(self, states, actions):
            self.steps += 1
            return states + actions

    dynamics = Advancing()
    actions = propose(lambda states: 0.1 * states[..., :1], dynamics, rng, std=0.2)
    assert dynamics.steps == 5
    states = STATE[:, None].expand(-1, 3, -1)
    for step in range(6):
        torch.testing.assert_close(actions[:, 0, step], 0.1 * states[:, 0, :1])
        states = states + actions[:, :, step]


class Counted(SteppingDynamics):
    """Dynamics that say how many steps they were asked for, and may hide that they advance."""

    state_dim, action_dim, num_systems = 18, 6, 2

    def __init__(self, inner, hidden):
        self.inner, self.hidden, self.steps = inner, hidden, 0

    @property
    def can_advance(self):
        return not self.hidden

    def rollout(self, states, actions):
        self.steps += actions.shape[1] * actions.shape[2]
        return self.inner.rollout(states, actions)

    def advance(self, states, actions):
        self.steps += actions.shape[1]
        return self.inner.advance(states, actions)


def test_a_simulator_is_asked_for_each_step_once(rng):
    simulator, state = flat_cheetah(frictions=(0.4, 0.8)), flat_cheetah_start(2, rng).double()
    bound, found = torch.ones(6).double(), []
    for hidden, steps in ((False, 8 * 11), (True, 8 * 66)):
        dynamics = Counted(simulator, hidden)
        actions = PolicyProposal(lambda states: -states[..., 3:9], 0.1).propose(
            dynamics,
            state,
            8,
            horizon=12,
            low=-bound,
            high=bound,
            generator=torch.Generator().manual_seed(0),
        )
        assert dynamics.steps == steps
        found.append(actions)
    torch.testing.assert_close(found[0], found[1], rtol=1e-8, atol=1e-8)
    rolled = simulator.rollout(state, found[0])
    followed = -rolled[:, 0, :-1, 3:9].clamp(-1, 1)
    torch.testing.assert_close(found[0][:, 0], followed, rtol=1e-8, atol=1e-8)


def test_each_noisy_sequence_goes_its_own_way(point_masses, rng):
    """The policy answers to where the noise of earlier steps has led."""
    dynamics, seen = point_masses([1.0, -2.0]), []

    def watched(states):
        seen.append(states.clone())
        return brake(states)

    actions = propose(watched, dynamics, rng, std=0.3, n=500, low=-9.0, high=9.0)
    states = dynamics.rollout(STATE, actions)
    torch.testing.assert_close(torch.stack(seen, dim=2), states[:, :, :-1])
    noise = actions - brake(states[:, :, :-1])
    assert noise[:, 0].abs().max() < 1e-6  # the policy's own
    deviation = noise[:, 1:].std(dim=(0, 1, 3))
    torch.testing.assert_close(deviation, torch.full((6,), 0.3 * 9.0), rtol=0.1, atol=0.0)


def test_the_model_sees_actions_within_bounds_only(point_masses, rng):
    dynamics = point_masses([1.0, -2.0])
    actions = propose(brake, dynamics, rng, std=2.0, n=20, low=-0.1, high=0.2)
    for given in (*dynamics.seen_actions, actions):
        assert (given >= -0.1).all()
        assert (given <= 0.2).all()


def test_a_good_policy_beats_uniform_draws(point_masses, goal):
    dynamics, returns = point_masses([1.0, 1.0], axes=1), []
    for proposal in (PolicyProposal(brake, 0.2), None):
        plan = RandomShooting(samples=50).plan(
            dynamics, STATE, goal, proposal=proposal, generator=torch.Generator().manual_seed(0)
        )
        returns.append(plan.expected_return)
    assert (returns[0] > returns[1]).all()


def test_a_policy_of_another_shape(point_masses, rng):
    with pytest.raises(InputError, match=r"policy returned .*\(2, 3, 2\).*\(E, n, A\) = \(2, 3, 1"):
        propose(lambda states: states, point_masses([1.0, 1.0]), rng)


@pytest.mark.parametrize("std", [-0.1, (0.1, -0.1), math.nan])
def test_deviations_that_cannot_be(unchecked, std):
    with pytest.raises(InputError, match="std must"):
        PolicyProposal(brake, std)
