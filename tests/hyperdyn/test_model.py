import math

import pytest
import torch

from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.generators import GENERATORS, build_generator, load_generator
from hyperdyn.history import History
from hyperdyn.model import HyperDynamics, ModelConfig
from hyperdyn.states import Field, StateSpace
from tests.hyperdyn.models import CONFIG, fitted, history, outputs_of, truth_for

KINDS = sorted(GENERATORS)


def unfolded_step(model, watched, states, actions):
    """The textbook order: normalise, network, denormalise, compose."""
    anchor = model.anchor(watched.states)
    seen = model.normalise_states(states[:, None], anchor)[..., model.input_columns]
    inputs = torch.cat([seen, model.normalise_actions(actions[:, None])], dim=-1)
    networks = model.networks(watched, truth_for(model.kind))
    outputs = outputs_of(model, networks, inputs).mean(0)[:, 0]
    stats = model.normaliser
    return model.state_space.compose(states, outputs * stats.change_std + stats.change_mean)


@pytest.mark.parametrize("kind", KINDS)
def test_folding_normalisation_into_the_weights_changes_nothing(kind, rng):
    model, watched = fitted(kind).double(), history()
    watched = History(watched.states.double(), watched.actions.double())
    states = torch.randn(3, 4, generator=rng, dtype=torch.float64)
    actions = torch.rand(3, 3, generator=rng, dtype=torch.float64)
    expected = unfolded_step(model, watched, states, actions)
    dynamics = model.generate(watched, truth=truth_for(kind))
    torch.testing.assert_close(dynamics.step(states, actions), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_relative_fields_make_generated_models_invariant_to_where_the_system_is(kind, rng):
    model = fitted(kind).double()
    watched, moved = history(), torch.tensor([[[100.0, -7.0, 0.0, 0.0]]], dtype=torch.float64)
    states = torch.randn(3, 4, generator=rng, dtype=torch.float64)
    actions = torch.rand(3, 5, 8, 3, generator=rng, dtype=torch.float64)
    here = History(watched.states.double(), watched.actions.double())
    there = History(here.states + moved, here.actions)
    near = model.generate(here, truth=truth_for(kind)).rollout(states, actions)
    far = model.generate(there, truth=truth_for(kind)).rollout(states + moved[0], actions)
    torch.testing.assert_close(far, near + moved[0, 0], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not GENERATORS[kind].oracle])
def test_the_watched_history_changes_the_generated_model(kind):
    model = fitted(kind)
    one, other = model.generate(history(seed=1)), model.generate(history(seed=2))
    assert not torch.equal(one.parameters, other.parameters)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_gets_a_gradient(kind):
    model, watched = fitted(kind), history(systems=9)
    truth = None
    if model.oracle:  # for each expert there is a system
        truth = torch.cat([truth_for(kind, 3, expert) for expert in range(3)])
    parameters = model.networks(watched, truth)
    inputs = torch.ones(9, 2, model.config.network.sizes[0])
    loss = outputs_of(model, parameters, inputs).square().sum()
    added = model.auxiliary_loss(watched, watched.actions[:, 1:], watched.states)
    (loss if added is None else loss + added).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_generator_loads_bit_for_bit(kind, tmp_path):
    model, watched = fitted(kind), history()
    model.save(tmp_path / "generator")
    expected = model.generate(watched, truth=truth_for(kind)).parameters
    for loaded in (
        load_generator(tmp_path / "generator"),
        GENERATORS[kind].from_pretrained(tmp_path / "generator"),
    ):
        assert type(loaded) is type(model)
        assert torch.equal(loaded.generate(watched, truth=truth_for(kind)).parameters, expected)
        assert loaded.config == model.config


@pytest.mark.parametrize("kind", KINDS)
def test_making_a_generator_draws_from_its_own_generator_alone(kind):
    before = torch.get_rng_state()
    one, again, other = fitted(kind), fitted(kind), fitted(kind, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    first, second, third = (list(model.parameters()) for model in (one, again, other))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, third, strict=True) if a.any())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_rolls_out_networks_of_the_same_sizes(kind):
    dynamics = fitted(kind).generate(history(), truth=truth_for(kind))
    assert dynamics.spec == CONFIG.network
    for member in dynamics.members:
        assert member.parameters.shape == (3, CONFIG.network.num_parameters)
    assert not dynamics.parameters.requires_grad


@pytest.mark.parametrize("kind", ["maml", "cadm", "expert_ensemble"])
def test_a_configuration_without_the_fields_of_a_kind_is_refused(kind):
    with pytest.raises(InputError, match=f"A '{kind}' is made from a .*Config; got a ModelConfig"):
        build_generator(kind, CONFIG, generator=torch.Generator())


def test_context_fields_stay_out_of_the_generated_models_input():
    space = StateSpace(
        (Field(name="position", size=3), Field(name="q", size=4, kind="quaternion", context=True))
    )
    config = ModelConfig(state_space=space, action_dim=3)
    assert config.network.sizes == (6, 128, 128, 7)


def test_the_default_sizes_are_the_papers():
    space = StateSpace((Field(name="state", size=20),))
    model = build_generator(
        "hyperdynamics", ModelConfig(state_space=space, action_dim=6), generator=torch.Generator()
    )
    assert model.config.network.num_parameters == 22_548
    hypernetwork = sum(p.numel() for p in model.head.parameters())
    assert hypernetwork == 383_364  # 2 -> 16 -> 22,548
    assert sum(p.numel() for p in model.encoder.parameters()) == 70_146


@pytest.mark.parametrize(
    ("states", "actions", "text"),
    [
        ((3, 4, 4), (3, 4, 3), r"K = 4.*wants K = 6"),
        ((3, 6, 5), (3, 6, 3), r"S = 5.*S = 4"),
        ((3, 6, 4), (3, 6, 2), r"A = 2.*A = 3"),
    ],
)
def test_a_history_that_does_not_fit_is_refused(states, actions, text):
    with pytest.raises(InputError, match=text):
        fitted().generate(History(torch.zeros(states), torch.zeros(actions)))


def test_a_history_of_another_type_is_refused():
    watched = history()
    with pytest.raises(InputError, match=r"float64.*float32"):
        fitted().generate(History(watched.states.double(), watched.actions.double()))


def test_a_view_is_refused_by_a_generator_without_eyes():
    with pytest.raises(InputError, match="no visual encoder"):
        fitted().generate(history(), view=torch.zeros(1))


def test_generating_leaves_no_graph():
    assert not fitted().generate(history()).parameters.requires_grad


def test_loading_as_another_kind_is_refused(tmp_path):
    fitted("direct").save(tmp_path / "generator")
    with pytest.raises(CheckpointError, match="'direct', not a 'hyperdynamics'"):
        HyperDynamics.from_pretrained(tmp_path / "generator")


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(UnknownNameError, match="pretrained generator or folder 'cheeta-slop'"):
        load_generator("cheeta-slop")


def test_a_folder_of_a_pretrained_name_hides_it_only_with_a_model_in_it(tmp_path, monkeypatch):
    packaged = load_generator("cheetah-slope").state_dict()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cheetah-slope").mkdir()
    found = load_generator("cheetah-slope").state_dict()
    assert all(torch.equal(found[name], value) for name, value in packaged.items())
    (tmp_path / "cheetah-slope").rmdir()
    fitted("direct").save(tmp_path / "cheetah-slope")
    assert load_generator("cheetah-slope").kind == "direct"


def test_a_folder_with_something_else_is_refused(tmp_path):
    fitted().generate(history()).save(tmp_path / "dynamics")
    with pytest.raises(CheckpointError, match="holds a 'generated-dynamics'"):
        load_generator(tmp_path / "dynamics")


def test_tensors_that_do_not_fit_the_sizes_are_refused(tmp_path):
    model = fitted()
    model.config = CONFIG.__class__(**{**vars(CONFIG), "dynamics_hidden": (5,)})
    model.save(tmp_path / "generator")
    with pytest.raises(CheckpointError, match="do not fit its sizes"):
        load_generator(tmp_path / "generator")


def test_non_positive_sizes_are_refused():
    with pytest.raises(InputError, match="must be positive"):
        ModelConfig(state_space=CONFIG.state_space, action_dim=3, code_dim=0)


def test_nan_weights_show_as_nan_and_are_not_hidden():
    model = fitted()
    with torch.no_grad():
        next(model.encoder.parameters()).fill_(math.nan)
    assert model.generate(history()).parameters.isnan().any()
