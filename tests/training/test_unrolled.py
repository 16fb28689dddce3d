"""The loss worked out by hand equals automatic differentiation's."""

import pytest
import torch

from hyperdyn.networks import ACTIVATIONS
from hyperdyn.states import Field, StateSpace
from hyperdyn.training.unrolled import Stretches, composed_loss, unrolled_loss
from tests.hyperdyn.models import fitted

ADDITIVE = {
    "all seen": (Field(name="position", size=2, relative=True), Field(name="velocity", size=2)),
    "some kept out": (Field(name="heading", size=1, context=True), Field(name="rest", size=3)),
}


def loss_and_gradient(loss_of, model, networks, stretches):
    networks = networks.clone().requires_grad_()
    loss = loss_of(model, networks, stretches)
    loss.backward(torch.tensor(3.0, dtype=loss.dtype))
    return loss.detach(), networks.grad


def drawn(model, rng, steps, stretches=2, systems=3):
    state, action = model.state_space.dim, model.action_dim
    draw = {
        "starts": (systems, stretches, state),
        "actions": (systems, stretches, steps, action),
        "truth": (systems, stretches, steps, state),
    }
    found = {name: torch.randn(shape, generator=rng).double() for name, shape in draw.items()}
    anchor = model.anchor(torch.randn(systems, 6, state, generator=rng).double())
    wide = torch.randn(systems, model.config.network.num_parameters, generator=rng).double()
    return 0.3 * wide, Stretches(**found, anchor=anchor)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("fields", ADDITIVE.values(), ids=ADDITIVE)
@pytest.mark.parametrize("steps", [1, 5])
def test_loss_and_gradient_equal_automatic_differentiation(activation, fields, steps, rng):
    model = fitted(state_space=StateSpace(fields), dynamics_activation=activation).double()
    networks, stretches = drawn(model, rng, steps)
    loss, gradient = loss_and_gradient(unrolled_loss, model, networks, stretches)
    expected, wanted = loss_and_gradient(composed_loss, model, networks, stretches)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, wanted, rtol=1e-9, atol=1e-12)
    assert wanted.abs().min() < wanted.abs().max()
    with torch.no_grad():
        assert torch.equal(unrolled_loss(model, networks, stretches), loss)


def test_states_that_turn_are_composed(rng):
    fields = (Field(name="turn", size=4, kind="quaternion"), Field(name="place", size=2))
    model = fitted(state_space=StateSpace(fields)).double()
    networks, stretches = drawn(model, rng, steps=3)
    found = loss_and_gradient(unrolled_loss, model, networks, stretches)
    wanted = loss_and_gradient(composed_loss, model, networks, stretches)
    assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))
