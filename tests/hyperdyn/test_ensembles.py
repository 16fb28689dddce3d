"""An ensemble of generators: what its members predict, averaged, in training and in planning."""

from dataclasses import replace

import pytest
import torch

from hyperdyn.dynamics import GeneratedDynamics
from hyperdyn.ensembles import EnsembleConfig
from hyperdyn.errors import InputError
from hyperdyn.generators import build_generator
from hyperdyn.history import History
from hyperdyn.model import HyperDynamics
from hyperdyn.planners import CEM, Ensemble, ForwardVelocity
from hyperdyn.training.windows import Windows, training_loss, window_loss
from tests.hyperdyn.models import fitted, history

KIND = "hyperdynamics_ensemble"
FORWARD = ForwardVelocity(index=0, dt=0.1)


@pytest.fixture
def ensemble():
    return fitted(KIND)


@pytest.fixture
def candidates(rng):
    return torch.randn(3, 4, generator=rng), torch.rand(3, 40, 7, 3, generator=rng) * 2 - 1


def alone(ensemble, member):
    """A generator with the weights of one member."""
    fields = {name: value for name, value in vars(ensemble.config).items() if name != "members"}
    config = type(fitted().config)(**fields)
    model = HyperDynamics(config, generator=torch.Generator())
    model.load_state_dict(ensemble.members[member].state_dict())
    return model


def of_equals(ensemble):
    """An ensemble whose members all have the weights of its first."""
    for member in ensemble.members:
        member.load_state_dict(ensemble.members[0].state_dict())
    return ensemble


def windows(rng, size=8):
    states = torch.randn(size, 11, 4, generator=rng).cumsum(1)
    actions = torch.rand(size, 10, 3, generator=rng)
    return Windows(
        history=History(states[:, :6], actions[:, :6]), actions=actions[:, 6:], states=states[:, 6:]
    )


def test_it_predicts_the_mean_of_what_its_members_predict(ensemble, candidates):
    dynamics = ensemble.generate(history())
    assert (dynamics.num_systems, dynamics.num_members, dynamics.state_dim) == (3, 5, 4)
    each = [alone(ensemble, member).generate(history()) for member in range(5)]
    for member, model in zip(dynamics.members, each, strict=True):
        assert torch.equal(member.parameters, model.parameters)
    rolled = torch.stack([model.rollout(*candidates) for model in each])
    assert rolled[:, :, :, -1].std(0).min() > 0, "members differ"
    found = dynamics.rollout(*candidates)
    torch.testing.assert_close(found, rolled.mean(0))
    assert torch.equal(found[:, :, 0], candidates[0][:, None].expand(-1, 40, -1))
    states, actions = found[:, :, 3], candidates[1][:, :, 3]
    wanted = torch.stack([model.advance(states, actions) for model in each]).mean(0)
    torch.testing.assert_close(dynamics.advance(states, actions), wanted)


def test_equal_members_are_as_good_as_one(ensemble, candidates, rng):
    one, data = alone(ensemble, 0), windows(rng)
    several = of_equals(ensemble)
    single = one.generate(history())
    dynamics = several.generate(history())
    torch.testing.assert_close(dynamics.rollout(*candidates), single.rollout(*candidates))
    double = dynamics.to(torch.float64).rollout(*(part.double() for part in candidates))
    torch.testing.assert_close(double.float(), single.rollout(*candidates), rtol=1e-4, atol=1e-4)
    for unroll in (1, 4):
        torch.testing.assert_close(
            window_loss(several, data, unroll), window_loss(one, data, unroll)
        )
    plans = [
        CEM(horizon=5, samples=60, iterations=3, elites=6).plan(
            model, candidates[0], FORWARD, generator=torch.Generator().manual_seed(3)
        )
        for model in (dynamics, single)
    ]
    torch.testing.assert_close(plans[0].expected_return, plans[1].expected_return)
    torch.testing.assert_close(plans[0].actions, plans[1].actions, rtol=1e-3, atol=1e-3)


def test_planning_with_it_is_planning_with_its_members_together(ensemble, candidates):
    dynamics = ensemble.generate(history())
    planner = CEM(horizon=5, samples=60, iterations=3, elites=6)
    mean, joint, worst = (
        planner.plan(model, candidates[0], FORWARD, generator=torch.Generator().manual_seed(3))
        for model in (
            dynamics,
            Ensemble(dynamics.members),
            Ensemble(dynamics.members, risk="worst"),
        )
    )
    torch.testing.assert_close(mean.expected_return, joint.expected_return, rtol=1e-4, atol=1e-4)
    assert (worst.expected_return < mean.expected_return).all()
    assert (joint.disagreement[:, -1, 0] > 0).all()


def test_a_member_gets_the_gradient_it_would_get_alone(ensemble, rng):
    one, data = alone(ensemble, 2), windows(rng)
    for model in (one, ensemble):
        training_loss(model, data, 2).backward()
    found = dict(ensemble.members[2].named_parameters())
    for name, parameter in one.named_parameters():
        # The loss is a mean over five members.
        torch.testing.assert_close(5 * found[name].grad, parameter.grad, rtol=1e-4, atol=1e-6)


def test_its_dynamics_are_one_plain_value(ensemble, candidates, tmp_path):
    dynamics = ensemble.generate(history())
    dynamics.save(tmp_path / "models")
    loaded = GeneratedDynamics.load(tmp_path / "models")
    assert torch.equal(loaded.rollout(*candidates), dynamics.rollout(*candidates))
    part = [each[[2, 0]] for each in candidates]
    torch.testing.assert_close(
        dynamics[torch.tensor([2, 0])].rollout(*part), dynamics.rollout(*candidates)[[2, 0]]
    )
    with pytest.raises(InputError, match="Got 1350 parameters for an MLP"):
        dynamics.parameters_by_layer  # noqa: B018


def test_gradients_flow_through_every_member(ensemble, candidates):
    actions = candidates[1].requires_grad_()
    dynamics = ensemble.generate(history())
    dynamics.rollout(candidates[0], actions)[:, :, -1, 0].sum().backward()
    found, actions.grad = actions.grad, None
    for member in dynamics.members:
        member.rollout(candidates[0], actions)[:, :, -1, 0].sum().div(5).backward()
    torch.testing.assert_close(found, actions.grad, rtol=1e-4, atol=1e-6)


def test_its_size_is_checked(ensemble, rng):
    with pytest.raises(InputError, match="at least two members; got 1"):
        replace(ensemble.config, members=1)
    with pytest.raises(InputError, match="'hyperdynamics_ensemble' is made from a EnsembleConfig"):
        build_generator(KIND, fitted().config, generator=rng)
    smaller = replace(ensemble.config, members=2)
    assert isinstance(smaller, EnsembleConfig)
    assert len(build_generator(KIND, smaller, generator=rng).members) == 2
