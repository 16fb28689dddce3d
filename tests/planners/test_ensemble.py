"""Ensembles: how returns of several models come together, and how their disagreement is told."""

import math
from dataclasses import dataclass

import pytest
import torch

from hyperdyn.dynamics import Dynamics
from hyperdyn.errors import InputError, UnknownNameError
from hyperdyn.planners import PolicyProposal
from hyperdyn.planners.ensemble import Ensemble


@pytest.fixture
def members(point_masses):
    """Three models of two systems that differ in how strongly they answer."""
    return tuple(point_masses([gain, 2 * gain]) for gain in (0.5, 1.0, 3.0))


def test_it_is_a_dynamics_that_predicts_the_mean(members, rng):
    ensemble = Ensemble(members)
    assert isinstance(ensemble, Dynamics)
    assert (ensemble.num_systems, ensemble.state_dim, ensemble.action_dim) == (2, 2, 1)
    state, actions = torch.randn(2, 2, generator=rng), torch.randn(2, 5, 6, 1, generator=rng)
    wanted = torch.stack([member.rollout(state, actions) for member in members]).mean(dim=0)
    torch.testing.assert_close(ensemble.rollout(state, actions), wanted)


def test_a_policy_can_propose_in_it(members, rng):
    bounds = {"low": -torch.ones(1), "high": torch.ones(1)}
    proposal = PolicyProposal(lambda states: -states[..., :1], std=0.0)
    state = torch.randn(2, 2, generator=rng)
    actions = proposal.propose(Ensemble(members), state, 3, horizon=4, generator=rng, **bounds)
    states = Ensemble(members).rollout(state, actions)
    torch.testing.assert_close(actions, -states[:, :, :-1, :1].clamp(-1, 1))


RETURNS = torch.tensor([[[1.0, 5.0]], [[2.0, 5.0]], [[6.0, 5.0]]])  # M = 3, E = 1, N = 2


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, [3.0, 5.0]),
        ({"risk": "worst"}, [1.0, 5.0]),
        ({"risk": "mean-minus-std"}, [3.0 - math.sqrt(14 / 3), 5.0]),
        ({"risk": "mean-minus-std", "k": 2.0}, [3.0 - 2 * math.sqrt(14 / 3), 5.0]),
        ({"risk": "mean-minus-std", "k": 0.0}, [3.0, 5.0]),
    ],
)
def test_returns_come_together_as_the_risk_says(members, options, wanted):
    together = Ensemble(members, **options).aggregate(RETURNS)
    torch.testing.assert_close(together, torch.tensor([wanted]))


@pytest.mark.parametrize("risk", ["mean", "worst", "mean-minus-std"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_member_that_is_not_finite_is_enough(members, risk, value):
    returns = RETURNS.clone()
    returns[1, 0, 1] = value
    together = Ensemble(members, risk=risk).aggregate(returns)
    assert together[0, 0].isfinite()
    assert together[0, 1] == -math.inf


@pytest.mark.parametrize("risk", ["mean", "worst", "mean-minus-std"])
def test_members_that_agree_still_have_a_gradient(members, risk):
    returns = torch.full((3, 1, 1), 2.0, requires_grad=True)
    Ensemble(members, risk=risk).aggregate(returns).sum().backward()
    assert returns.grad.sum() == pytest.approx(1.0)


def test_the_worst_violation_counts(members):
    violations = torch.tensor([[[0.0, 1.0, 0.0]], [[0.5, 3.0, math.nan]], [[0.0, 2.0, 0.0]]])
    worst = Ensemble(members).violations(violations)
    assert worst[0, :2].tolist() == [0.5, 3.0]
    assert not worst[0, 2].isfinite()


def test_disagreement_is_the_deviation_of_the_predictions(members, rng):
    ensemble = Ensemble(members)
    state, actions = torch.randn(2, 2, generator=rng), torch.randn(2, 1, 6, 1, generator=rng)
    states = torch.stack([member.rollout(state, actions)[:, 0] for member in members])
    told = ensemble.disagreement(states)
    assert told.shape == (2, 7, 2)
    assert (told[:, 0] == 0).all()
    assert (told[:, 1:, 1] > 0).all()
    mean = states.mean(dim=0)
    torch.testing.assert_close(told, ((states - mean) ** 2).mean(dim=0).sqrt())


def test_as_many_rows_as_members(members):
    ensemble = Ensemble(members)
    with pytest.raises(InputError, match="returns has 2 rows, the ensemble 3 members"):
        ensemble.aggregate(RETURNS[:2])
    with pytest.raises(InputError, match="violations has 2 rows, the ensemble 3 members"):
        ensemble.violations(RETURNS[:2])
    with pytest.raises(InputError, match="states has 4 rows, the ensemble 3 members"):
        ensemble.disagreement(torch.zeros(4, 1, 3, 2))


@pytest.mark.usefixtures("unchecked")
def test_members_are_kept_as_a_tuple(members):
    assert Ensemble(list(members)).members == members


def test_members_that_do_not_fit(members, point_masses):
    with pytest.raises(InputError, match="at least two members, got 1"):
        Ensemble(members[:1])
    for other, sizes in (
        (point_masses([1.0]), "1, 2, 1"),
        (point_masses([1.0, 1.0], 2), "2, 4, 2"),
    ):
        text = rf"Member 1 of the ensemble has \(E, S, A\) = \({sizes}\), member 0 has \(2, 2, 1\)"
        with pytest.raises(InputError, match=text):
            Ensemble((members[0], other))


@pytest.mark.usefixtures("unchecked")
def test_settings_that_cannot_be(members):
    with pytest.raises(UnknownNameError, match=r"Unknown risk 'worse'\. Did you mean 'worst'"):
        Ensemble(members, risk="worse")
    with pytest.raises(InputError, match="k must be finite, at least 0"):
        Ensemble(members, k=-1.0)


@pytest.mark.usefixtures("unchecked")
def test_a_member_that_returns_another_shape(members):
    @dataclass
    class Short:
        num_systems: int = 2
        state_dim: int = 2
        action_dim: int = 1

        def rollout(self, states, actions):
            return members[0].rollout(states, actions)[:, :, 1:]

    with pytest.raises(InputError, match=r"member 1 returned .* \(2, 5, 6, 2\); .*\(2, 5, 7, 2\)"):
        Ensemble((members[0], Short())).rollout(torch.zeros(2, 2), torch.zeros(2, 5, 6, 1))
