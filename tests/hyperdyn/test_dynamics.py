import math
import multiprocessing

import pytest
import torch

from hyperdyn.dynamics import GeneratedDynamics
from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.planners import ControlCost, ForwardVelocity
from tests.hyperdyn.models import fitted, history


@pytest.fixture
def dynamics():
    return fitted().generate(history())


def test_a_rollout_is_repeated_steps(dynamics, rng):
    states = torch.randn(3, 4, generator=rng)
    actions = torch.rand(3, 1, 7, 3, generator=rng)
    trajectory = dynamics.rollout(states, actions)
    assert torch.equal(trajectory[:, 0, 0], states)
    for step in range(7):
        states = dynamics.step(states, actions[:, 0, step])
        torch.testing.assert_close(trajectory[:, 0, step + 1], states)


def test_many_states_of_a_system_advance_each_from_where_it_is(dynamics, rng):
    states, actions = torch.randn(3, 5, 4, generator=rng), torch.rand(3, 5, 3, generator=rng)
    following = dynamics.advance(states, actions)
    for n in range(5):
        torch.testing.assert_close(following[:, n], dynamics.step(states[:, n], actions[:, n]))


def test_as_many_states_as_actions(dynamics, unchecked):
    with pytest.raises(InputError, match=r"states of shape \(3, 2, 4\)"):
        dynamics.advance(torch.zeros(3, 2, 4), torch.zeros(3, 5, 3))


def test_returns_are_the_objectives_of_the_trajectories(dynamics, rng):
    states, actions = torch.randn(3, 4, generator=rng), torch.rand(3, 20, 5, 3, generator=rng)
    objective = ForwardVelocity(index=0, dt=0.1) + ControlCost(weight=0.3)
    returns, violations = dynamics.returns(states, actions, objective.table(4))
    torch.testing.assert_close(returns, objective(dynamics.rollout(states, actions), actions))
    assert violations is None
    wide = ForwardVelocity(index=8, dt=0.1).table(9)
    with pytest.raises(InputError, match="reads state column 8"):
        dynamics.returns(states, actions, wide)
    double = dynamics.to(torch.float64)
    assert double.returns(states.double(), actions.double(), objective.table(4)) is None


def test_systems_do_not_mix(dynamics, rng):
    states = torch.randn(3, 4, generator=rng)
    actions = torch.rand(3, 5, 4, 3, generator=rng)
    together = dynamics.rollout(states, actions)
    for system in range(3):
        alone = dynamics[system].rollout(states[[system]], actions[[system]])
        torch.testing.assert_close(together[[system]], alone)


def test_candidates_do_not_mix_even_when_one_is_not_finite(dynamics, rng):
    states = torch.randn(3, 4, generator=rng)
    actions = torch.rand(3, 40, 4, 3, generator=rng)
    clean = dynamics.rollout(states, actions)
    actions[1, 17, 2] = math.nan
    spoilt = dynamics.rollout(states, actions)
    assert spoilt[1, 17, 3:].isnan().all()
    spoilt[1, 17], clean[1, 17] = 0, 0
    torch.testing.assert_close(spoilt, clean)


def test_a_value_survives_pickling_bit_for_bit(dynamics):
    sending, receiving = multiprocessing.Pipe()  # how workers get a value; files never unpickle
    sending.send(dynamics)
    copy = receiving.recv()
    assert torch.equal(copy.parameters, dynamics.parameters)
    assert copy.state_space == dynamics.state_space


def test_a_saved_value_loads_bit_for_bit(dynamics, tmp_path):
    dynamics.save(tmp_path / "models")
    loaded = GeneratedDynamics.load(tmp_path / "models")
    assert torch.equal(loaded.parameters, dynamics.parameters)
    assert (loaded.spec, loaded.state_space) == (dynamics.spec, dynamics.state_space)


def test_loading_a_generator_as_dynamics_is_refused(tmp_path):
    fitted().save(tmp_path / "generator")
    with pytest.raises(CheckpointError, match="not a 'generated-dynamics'"):
        GeneratedDynamics.load(tmp_path / "generator")


def test_layers_are_views_of_the_parameters(dynamics):
    shapes = [(tuple(w.shape), tuple(b.shape)) for w, b in dynamics.parameters_by_layer]
    assert shapes == [((3, 12, 7), (3, 12)), ((3, 10, 12), (3, 10)), ((3, 4, 10), (3, 4))]


def test_selecting_keeps_the_system_axis(dynamics):
    assert dynamics[2].num_systems == 1
    assert torch.equal(dynamics[2].parameters[0], dynamics.parameters[2])
    assert dynamics[1:].num_systems == 2
    assert dynamics[torch.tensor([2, 0])].num_systems == 2


def test_double_precision_predicts_the_same(dynamics, rng):
    states, actions = torch.randn(3, 4, generator=rng), torch.rand(3, 2, 5, 3, generator=rng)
    double = dynamics.to(torch.float64).rollout(states.double(), actions.double())
    torch.testing.assert_close(
        dynamics.rollout(states, actions), double.float(), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("states", "actions", "text"),
    [
        (torch.zeros(2, 4), torch.zeros(3, 1, 1, 3), r"\(E, S\) = \(3, 4\)"),
        (torch.zeros(3, 5), torch.zeros(3, 1, 1, 3), r"\(E, S\) = \(3, 4\)"),
        (torch.zeros(3, 4), torch.zeros(3, 1, 1, 2), "A = 3"),
        (torch.zeros(3, 4), torch.zeros(2, 1, 1, 3), "E = 3"),
        (torch.zeros(3, 4).double(), torch.zeros(3, 1, 1, 3), "states of torch.float64"),
        (torch.zeros(3, 4), torch.zeros(3, 1, 1, 3, device="meta"), "actions of .* on meta"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_inputs_that_do_not_fit_are_refused(dynamics, states, actions, text):
    with pytest.raises(InputError, match=text):
        dynamics.rollout(states, actions)


def test_gradients_flow_to_the_actions(dynamics):
    actions = torch.zeros(3, 2, 4, 3, requires_grad=True)
    dynamics.rollout(torch.zeros(3, 4), actions).square().sum().backward()
    assert actions.grad.any()
