"""Models on a ring of turns: the compiled rollout is the plain one, candidate by candidate."""

import math
import pickle
import sys

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.networks import ACTIVATIONS, MLPSpec
from hyperdyn.perception import YawRing
from hyperdyn.pushing import KINDS, ring_kernel, ring_rollout
from hyperdyn.pushing.dynamics import physical
from hyperdyn.pushing.ring_rollout import ModelRing
from tests.pushing.pushers import dynamics_of, generator, states_of

WIDTHS = (8, 16)


def ring_of(hidden=(8, 8), turns=5, systems=2, activation="leaky_relu", seed=0):
    rng = generator(seed)
    spec = MLPSpec(sizes=(15, *hidden, 16), activation=activation)
    middle, across, up = torch.randn(3, systems, 1, spec.num_parameters, generator=rng)
    angle = YawRing.turns(turns)[:, None]
    # Smooth, as rings are, or long rollouts would be chaotic.
    parameters = 0.1 * middle + 0.05 * (angle.cos() * across + angle.sin() * up)
    return ModelRing(spec, parameters, torch.rand(systems, generator=rng) * 20 - 10)


def in_double(ring):
    return ModelRing(ring.spec, ring.parameters.double(), ring.starts.double())


def rolled(systems=2, samples=3, horizon=4, seed=1):
    """States in any orientation, and pushes."""
    rng = generator(seed)
    states = torch.randn(systems, samples, 16, generator=rng)
    return states, torch.randn(systems, samples, horizon, 3, generator=rng)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("hidden", "turns", "shape"),
    [
        ((), 4, (1, 1, 1)),
        ((1,), 5, (2, 3, 4)),
        ((7, 17), 9, (3, 2, 5)),
        ((32, 32, 32), 32, (1, 30, 10)),
        ((40, 8), 6, (2, 5, 3)),
    ],
)
def test_it_rolls_out_what_the_reference_does_in_double(activation, hidden, turns, shape):
    ring = ring_of(hidden, turns, shape[0], activation)
    states, actions = rolled(*shape)
    wanted = in_double(ring).reference(states.double(), actions.double())
    found = ring.rollout(states, actions)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("width", WIDTHS)
def test_vectors_of_every_width_do(width):
    ring = ring_of((7, 24), systems=3)
    states, actions = rolled(3)
    networks = ring_kernel.packed(ring.spec, ring.parameters, width)
    found = ring_kernel.rollout(ring.spec, networks, ring.starts, states, actions, width)
    torch.testing.assert_close(found, ring.reference(states, actions), rtol=1e-4, atol=1e-5)


def test_sizes_drawn_at_random_agree_too():
    rng = generator(7)

    def draw(low, high):
        return int(torch.randint(low, high, (), generator=rng))

    for seed in range(15):
        hidden = tuple(draw(1, 40) for _ in range(draw(0, 4)))
        systems = draw(1, 4)
        ring = ring_of(hidden, draw(4, 20), systems, seed=seed)
        states, actions = rolled(systems, draw(1, 6), draw(1, 6), seed)
        wanted = in_double(ring).reference(states.double(), actions.double())
        torch.testing.assert_close(
            ring.rollout(states, actions).double(), wanted, rtol=1e-3, atol=1e-4
        )


def test_what_is_not_a_number_stays_in_its_candidate():
    ring = ring_of()
    states, actions = rolled(2, 4, 5)
    clean = ring.rollout(states, actions)
    spoiled_states, spoiled_actions = states.clone(), actions.clone()
    spoiled_states[0, 1, 5] = math.nan
    spoiled_states[1, 2, 0] = math.inf
    spoiled_actions[1, 0, 2, 1] = math.nan
    found = ring.rollout(spoiled_states, spoiled_actions)
    for system, candidate in ((0, 0), (0, 2), (0, 3), (1, 1), (1, 3)):
        assert torch.equal(found[system, candidate], clean[system, candidate])
    assert found[0, 1, 1:].isnan().all()
    assert not found[1, 2, 1:].isfinite().any()
    assert torch.equal(found[1, 0, :3], clean[1, 0, :3])
    assert found[1, 0, 3:].isnan().all()
    reference = ring.reference(spoiled_states, spoiled_actions)
    assert torch.equal(reference.isfinite(), found.isfinite())


def test_a_candidate_gives_the_same_bits_in_any_company():
    ring = ring_of()
    states, actions = rolled(2, 7, 5)
    together = ring.rollout(states, actions)
    for candidate in range(7):
        only = slice(candidate, candidate + 1)
        assert torch.equal(ring.rollout(states[:, only], actions[:, only]), together[:, only])


def test_inputs_may_lie_in_memory_as_they_like():
    ring = ring_of()
    states, actions = rolled(2, 3, 4)
    turned = actions.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    spread = torch.zeros(2, 3, 32)[..., ::2].copy_(states)
    assert not turned.is_contiguous()
    assert not spread.is_contiguous()
    assert torch.equal(ring.rollout(spread, turned), ring.rollout(states, actions))
    shifted = torch.zeros(actions.numel() + 1)[1:].view_as(actions).copy_(actions)
    assert torch.equal(ring.rollout(states, shifted), ring.rollout(states, actions))


@pytest.mark.parametrize(("samples", "horizon"), [(0, 3), (2, 0), (0, 0)])
def test_nothing_to_do_is_done(samples, horizon):
    dynamics = dynamics_of("hyperdynamics")
    states, actions = states_of(2), torch.zeros(2, samples, horizon, 3)
    found = dynamics.rollout(states, actions)
    assert found.shape == (2, samples, horizon + 1, 16)
    assert torch.equal(found[:, :, 0], states[:, None].expand(-1, samples, -1))
    exact = dynamics_of("hyperdynamics", exact=True)
    assert exact.rollout(states, actions).shape == found.shape


def test_models_are_those_written_out_at_the_turns_and_go_round():
    ring = ring_of(turns=6).parameters.double()
    model = ModelRing(MLPSpec(sizes=(15, 8, 8, 16)), ring, torch.tensor([0.3, -2.0]).double())
    turns = YawRing.turns(6).double()
    at_turns = model.at(model.starts[:, None] + turns)
    torch.testing.assert_close(at_turns, ring, rtol=1e-6, atol=1e-6)
    around = model.at(model.starts[:, None] + turns + 2 * math.pi)
    torch.testing.assert_close(around, ring, rtol=1e-6, atol=1e-6)
    edge = model.at(model.starts[:, None] + torch.tensor([-1e-6, 1e-6]).double())
    torch.testing.assert_close(edge[:, 0], edge[:, 1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_models_between_turns_are_near_those_made_for_the_yaw(kind):
    dynamics = dynamics_of(kind)
    yaw = dynamics.ring.starts[:, None] + torch.rand(2, 50, generator=generator()) * 6
    turned = dynamics.turning.at(yaw).flatten(0, 1)
    predictor = dynamics.predictor
    made = predictor.parameters_from(dynamics.kept.repeat_interleave(50, 0), turned)
    made = physical(predictor.spec, dynamics.normaliser, made).unflatten(0, (2, 50))
    change = (made - made.mean(1, keepdim=True)).square().mean().sqrt()
    off = (dynamics.ring.at(yaw) - made).square().mean().sqrt()
    assert change > 0
    # A ring of 16 codes of an untrained encoder; cosine and sine are told at 64 turns.
    assert off < (0.2 if dynamics.predictor.looks else 0.005) * change


@pytest.mark.parametrize("kind", KINDS)
def test_kernel_and_reference_agree_for_every_kind(kind):
    dynamics = dynamics_of(kind)
    states, actions = rolled(2, 6, 5)
    ring = dynamics.ring
    wanted = in_double(ring).reference(states.double(), actions.double())
    torch.testing.assert_close(ring.rollout(states, actions).double(), wanted, rtol=1e-3, atol=1e-4)


def test_models_are_written_out_once_for_all_plans():
    dynamics = dynamics_of("hyperdynamics")
    asked = []
    hook = dynamics.predictor.head.register_forward_hook(lambda *_: asked.append(1))
    states, actions = states_of(2), torch.zeros(2, 2, 3, 3)
    first = dynamics.rollout(states, actions)
    assert torch.equal(dynamics.rollout(states, actions), first)
    hook.remove()
    assert len(asked) == 1
    copy = pickle.loads(pickle.dumps(dynamics))
    assert torch.equal(copy.rollout(states, actions), first)
    # An exact turning has no ring, and the value made with one begins afresh.
    exact = dynamics.with_turning(dynamics_of("hyperdynamics", exact=True).turning)
    assert exact.ring is None
    assert exact.with_turning(dynamics.turning).ring is not None


def test_without_the_kernel_the_reference_serves(monkeypatch):
    ring = ring_of()
    states, actions = rolled()
    compiled = ring.rollout(states, actions)
    ring_rollout._kernel.cache_clear()
    monkeypatch.setitem(sys.modules, "hyperdyn.pushing.ring_kernel", None)
    monkeypatch.delattr("hyperdyn.pushing.ring_kernel")
    with pytest.warns(RuntimeWarning, match="Install numba"):
        plain = ring.rollout(states, actions)
    ring_rollout._kernel.cache_clear()
    torch.testing.assert_close(plain, compiled, rtol=1e-4, atol=1e-5)
    assert torch.equal(plain, ring.reference(states, actions))


def test_other_types_and_transforms_are_served_by_the_reference():
    ring = in_double(ring_of())
    states, actions = rolled()
    found = ring.rollout(states.double(), actions.double())
    assert found.dtype == torch.float64
    single = ring_of()
    several = torch.stack([actions, actions + 0.1])
    mapped = torch.func.vmap(lambda pushes: single.rollout(states, pushes))(several)
    torch.testing.assert_close(mapped[1], single.rollout(states, several[1]), rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_is_refused(unchecked):
    dynamics = dynamics_of("hyperdynamics")
    states, actions = states_of(2), torch.zeros(2, 4, 3, 3)
    with pytest.raises(InputError, match=r"these models are torch\.float32"):
        dynamics.rollout(states.double(), actions)
    with pytest.raises(InputError, match=r"actions of torch\.float64"):
        dynamics.rollout(states, actions.double())
    with pytest.raises(InputError, match="E, N, H, A"):
        dynamics.rollout(states, actions[:, 0])
    with pytest.raises(InputError, match="an action for each state"):
        dynamics.advance(states_of(2, 3), actions[:, :, 0])
