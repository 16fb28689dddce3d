"""The baselines: each learns where the history (or the truth) matters, and is what it says."""

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.generators import GENERATORS, build_generator
from hyperdyn.history import History
from hyperdyn.model import ModelConfig
from hyperdyn.networks import split_parameters
from hyperdyn.states import Field, StateSpace
from tests.hyperdyn.models import PLACES, config_for, fitted, history, outputs_of, truth_for

KINDS = sorted(GENERATORS)
HIDDEN = ModelConfig(
    state_space=StateSpace((Field(name="position", relative=True),)),
    action_dim=1,
    history_length=5,
    encoder_hidden=(16,),
    dynamics_hidden=(16,),
)


def hidden_gain(windows, generator):
    """Systems x' = x + 0.1 g a whose gain g, 1 or -1, shows in their history alone."""
    gain = torch.randint(0, 2, (windows, 1), generator=generator) * 2.0 - 1.0
    actions = torch.rand(windows, 9, 1, generator=generator) * 2 - 1
    moves = 0.1 * gain[:, None] * actions
    states = torch.cat([torch.zeros(windows, 1, 1), moves.cumsum(1)], dim=1)
    return History(states[:, :5], actions[:, :5]), actions[:, 5:], states[:, 5:], gain


def error(model, history, actions, states, gain):
    """Mean squared error of normalised changes: 1 for a model that says nothing."""
    truth = gain.expand(-1, 2) if model.oracle else None
    networks = model.networks(history, truth)
    inputs = model.network_inputs(states[:, :-1], actions, model.anchor(history.states))
    wanted = model.normalised_changes(states[:, :-1], states[:, 1:])
    return (outputs_of(model, networks, inputs) - wanted).square().mean()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_finds_out_what_is_hidden(kind, rng):
    config = config_for(kind, HIDDEN)
    if kind == "expert_ensemble":
        config = type(config)(**{**vars(config), "experts": ((-1.0, -1.0), (1.0, 1.0))})
    model = build_generator(kind, config, generator=rng)
    watched, actions, states, _ = hidden_gain(500, rng)
    changes = states.diff(dim=1)
    model.normaliser.fit(watched.states[:, 0], actions.flatten(0, 1), changes.flatten(0, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        batch = hidden_gain(32, rng)
        loss = error(model, *batch)
        added = model.auxiliary_loss(*batch[:3])
        optimiser.zero_grad()
        (loss if added is None else loss + added).backward()
        optimiser.step()
    with torch.no_grad():
        found = error(model, *hidden_gain(200, rng)).item()
    # Who cannot tell the two apart is at 1.
    assert found < 0.5, found


def test_the_step_of_maml_is_a_gradient_written_by_hand(rng):
    model, watched = fitted("maml", dynamics_hidden=(12,)).double(), history(systems=3)
    watched = History(watched.states.double(), watched.actions.double())
    spec = model.config.network
    (w1, b1), (w2, b2) = split_parameters(spec, model.start.detach())
    adapted = model.networks(watched)
    for system in range(3):
        states, actions = watched.states[system], watched.actions[system]
        anchor = model.anchor(watched.states)[[system]]
        x = model.network_inputs(states[None, :-1], actions[None, :-1], anchor)[0]
        y = model.normalised_changes(states[:-1], states[1:])
        sums = x @ w1.T + b1
        h = sums.clamp_min(0)
        d = 2 * (h @ w2.T + b2 - y) / y.numel()
        back = (d @ w2) * (sums > 0)
        slope = torch.cat([(back.T @ x).flatten(), back.sum(0), (d.T @ h).flatten(), d.sum(0)])
        expected = model.start.detach() - model.config.inner_rate * slope
        torch.testing.assert_close(adapted[system].detach(), expected)
    assert torch.equal(model.generate(watched).parameters, model.generate(watched).parameters)


def test_training_maml_differentiates_through_its_step(rng):
    model, watched = fitted("maml", dynamics_activation="tanh").double(), history()
    watched = History(watched.states.double(), watched.actions.double())
    weights = torch.randn(3, model.config.network.num_parameters, generator=rng).double()

    def outcome(start):
        model.start.data.copy_(start)
        return (model.networks(watched) * weights).sum()

    at = model.start.detach().clone()
    (slope,) = torch.autograd.grad(outcome(at), model.start)
    direction = torch.randn(len(at), generator=rng).double()
    ahead, behind = outcome(at + 1e-5 * direction), outcome(at - 1e-5 * direction)
    measured = ((ahead - behind) / 2e-5).item()
    assert (slope @ direction).item() == pytest.approx(measured, rel=1e-6)
    # A first-order step would have the plain sum of the weights for its slope.
    first_order = (weights.sum(0) @ direction).item()
    assert abs(measured - first_order) > 1e-4 * abs(first_order)


def test_maml_generates_with_and_without_gradients_alike():
    model = fitted("maml")
    with torch.no_grad():
        plain = model.networks(history())
    torch.testing.assert_close(plain, model.networks(history()).detach())
    with pytest.raises(InputError, match="at least 2"):
        fitted("maml", history_length=1)


def test_experts_are_chosen_by_the_truth_alone():
    model = fitted("expert_ensemble")
    for expert in range(3):
        told = truth_for("expert_ensemble", expert=expert)
        for seed in (1, 2):
            assert torch.equal(
                model.networks(history(seed=seed), told), model.experts[[expert] * 3]
            )
    mixed = torch.tensor([PLACES[2], PLACES[0], (1.2, -0.7)])
    assert model.chosen(mixed).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("truth", "text"),
    [
        (None, "must be told the true properties of each of the 3"),
        (torch.zeros(2, 2), "of each of the 3"),
        (torch.zeros(3, 1), "2 properties"),
        (torch.full((3, 2), torch.nan), "not finite"),
    ],
)
def test_experts_refuse_to_work_without_the_truth(truth, text):
    with pytest.raises(InputError, match=text):
        fitted("expert_ensemble").generate(history(), truth=truth)


def test_others_never_read_the_truth():
    for kind in KINDS:
        model = fitted(kind)
        if not model.oracle:
            told = model.generate(history(), truth=torch.full((3, 2), torch.nan))
            assert torch.equal(told.parameters, model.generate(history()).parameters)


def test_the_backward_loss_of_cadm_reaches_the_encoder():
    model, watched = fitted("cadm"), history()
    model.auxiliary_loss(watched, watched.actions[:, 1:], watched.states).backward()
    for parameter in (*model.encoder.parameters(), *model.backward_head.parameters()):
        assert parameter.grad.any()
    assert all(parameter.grad is None for parameter in model.head.parameters())


def test_the_backward_model_of_cadm_is_asked_for_the_way_back(rng):
    model, watched = fitted("cadm"), history()
    torch.nn.init.zeros_(model.backward_head.shared)
    torch.nn.init.zeros_(model.backward_head.code_weight)
    wanted = model.normalised_changes(watched.states[:, :-1], watched.states[:, 1:])
    loss = model.auxiliary_loss(watched, watched.actions[:, 1:], watched.states)
    # Its outputs are zero: what is left is the square of the changes, which come back negative.
    assert loss.item() == pytest.approx(0.5 * wanted.square().mean().item(), rel=1e-5)
    still = watched.states[:, :1].expand(-1, 3, -1)
    moving = watched.states[:, :3]
    first = model.auxiliary_loss(watched, watched.actions[:, :2], still)
    assert first != model.auxiliary_loss(watched, watched.actions[:, :2], moving)


def test_the_recurrent_model_reads_steps_in_order():
    model, watched = fitted("recurrent"), history()
    turned = History(watched.states[:, [1, 0, *range(2, 6)]], watched.actions)
    assert not torch.equal(model.encode(watched), model.encode(turned))
    assert model.encode(watched).shape == (3, 16)


def test_the_generator_behind_the_recurrent_encoder_writes_what_it_reads():
    plain, written = (fitted(kind) for kind in ("recurrent", "hyperdynamics_gru"))
    written.encoder.load_state_dict(plain.encoder.state_dict())
    written.normaliser.load_state_dict(plain.normaliser.state_dict())
    assert torch.equal(written.encode(history()), plain.encode(history()))
    # A baseline's network differs between systems in its first biases alone; here all of it does.
    differs = [
        [part.std(0).gt(0).any().item() for layer in layers for part in layer]
        for layers in (
            split_parameters(model.config.network, model.networks(history()).detach())
            for model in (plain, written)
        )
    ]
    assert not all(differs[0])
    assert all(differs[1])


def test_what_a_normalised_code_writes_does_not_grow_with_it():
    model = fitted("hyperdynamics_normalised")
    far, farther = (model.head(torch.full((1, 2), value)) for value in (20.0, 1e4))
    torch.testing.assert_close(far, farther)
    near = model.head(torch.zeros(1, 2))
    assert not torch.allclose(near, far)


def test_generators_begin_around_a_learned_base_unless_told_otherwise():
    spread = {}
    for start in ("bias", "hyperfan-in"):
        model = fitted(initialisation=start)
        networks = model.networks(history(systems=20)).detach()
        spread[start] = (networks.std(0).mean() / networks.std()).item()
    assert spread["bias"] < 0.05 < spread["hyperfan-in"]
