"""Every kind of forward model: written out or not it is the same, and it uses what it may use."""

import pytest
import torch

from hyperdyn.errors import InputError, UnknownNameError
from hyperdyn.networks import batched_mlp
from hyperdyn.pushing import KINDS, PushingConfig, Watched
from hyperdyn.pushing.own_network import Adapted
from tests.pushing.pushers import SIZES, dynamics_of, generator, interactions, pusher, seen, truth

every_kind = pytest.mark.parametrize("kind", KINDS)


def watched(model, systems=2, seed=3):
    rng = generator(seed)
    pushes = model.config.pushes
    return Watched(
        inputs=torch.randn(systems, pushes, 15, generator=rng),
        changes=torch.randn(systems, pushes, 16, generator=rng),
        turned=torch.randn(systems, pushes, model.predictor.turned_dim, generator=rng),
        experts=torch.arange(systems),
        properties=torch.randn(systems, 2, generator=rng),
    )


@every_kind
def test_parameters_written_out_predict_the_same(kind):
    model = pusher(kind).double()
    predictor = model.predictor
    told = Watched(*(t.double() if t.is_floating_point() else t for t in watched(model)))
    kept = predictor.watch(told)
    rng = generator(4)
    turned = torch.randn(2, 7, predictor.turned_dim, generator=rng, dtype=torch.float64)
    inputs = torch.randn(2, 7, 15, generator=rng, dtype=torch.float64)
    found = predictor.changes(kept, turned, inputs)
    assert found.shape == (2, 7, 16)
    for place in range(7):
        parameters = predictor.parameters_from(kept, turned[:, place])
        one = batched_mlp(predictor.spec, parameters, inputs[:, place : place + 1])
        torch.testing.assert_close(found[:, place : place + 1], one, rtol=1e-10, atol=1e-12)


@every_kind
def test_forward_models_have_the_papers_size(kind):
    spec = PushingConfig(kind=kind).network
    assert spec.sizes == (15, 32, 32, 32, 16)
    assert spec.activation == "leaky_relu"


@every_kind
def test_what_was_watched_counts_for_all_but_xyz(kind):
    model = pusher(kind)
    told = watched(model)
    first = model.predictor.watch(told)
    other = told._replace(changes=told.changes + 1.0, properties=told.properties + 1.0)
    assert torch.equal(model.predictor.watch(other), first) == (kind == "xyz")


@every_kind
def test_orientation_counts(kind):
    model = pusher(kind)
    kept = model.predictor.watch(watched(model))
    inputs = torch.zeros(2, 1, 15)
    turned = torch.zeros(2, 1, model.predictor.turned_dim)
    straight = model.predictor.changes(kept, turned, inputs)
    assert not torch.allclose(model.predictor.changes(kept, turned + 1.0, inputs), straight)


@every_kind
def test_objects_do_not_depend_on_those_beside_them(kind):
    model = pusher(kind)
    told = watched(model, systems=3)
    alone = Watched(*(tensor[1:2] for tensor in told))
    torch.testing.assert_close(
        model.predictor.watch(told)[1:2], model.predictor.watch(alone), rtol=1e-5, atol=1e-6
    )


def test_adapting_is_a_gradient_step_on_the_pushes():
    rng = generator(0)
    spec = PushingConfig(**SIZES).network
    model = Adapted(spec, 8, rate=0.01, generator=rng).double()
    told = Watched(
        *(
            tensor.double() if tensor.is_floating_point() else tensor
            for tensor in watched(pusher("maml"))
        )
    )
    start = model.start.detach().clone().requires_grad_()
    for system in range(2):
        inputs = torch.cat([told.inputs[system], told.turned[system]], dim=-1)
        found = batched_mlp(model.wide, start[None], inputs[None])[0]
        error = (found - told.changes[system]).square() * model.weights
        (slope,) = torch.autograd.grad(error.sum() / len(inputs), start)
        with torch.no_grad():
            adapted = model.watch(told)[system]
        torch.testing.assert_close(adapted, start.detach() - 0.01 * slope)
    assert torch.equal(model.watch(told).detach(), model.watch(told).detach())
    model.watch(told).sum().backward()
    assert model.start.grad is not None


def test_experts_are_told_who_is_pushed():
    model = pusher("expert_ensemble")
    with pytest.raises(InputError, match="oracle"):
        model.generate(interactions(), seen())
    first, second = (
        model.generate(interactions(), seen(), truth=truth(*objects)).kept
        for objects in ((0, 1), (2, 1))
    )
    assert not torch.allclose(first[0], second[0])
    torch.testing.assert_close(first[1], second[1])


def test_generated_models_differ_between_objects():
    dynamics = dynamics_of("hyperdynamics")
    parameters = dynamics.model_at(torch.zeros(2, 16)).parameters
    assert not torch.allclose(parameters[0], parameters[1])


def test_bad_sizes_are_refused():
    with pytest.raises(UnknownNameError, match="hyperdynamics"):
        PushingConfig(kind="hyperdynamic")
    for wrong in ({"pushes": 0}, {"dynamics_hidden": (0,)}, {"inner_rate": 0.0}):
        with pytest.raises(InputError, match="positive"):
            PushingConfig(**wrong)
