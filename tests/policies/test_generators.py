"""Every policy generator: what its policies depend on, what it learns, and what it refuses."""

import pickle

import pytest
import torch

from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.networks import split_parameters
from hyperdyn.policies import (
    POLICIES,
    GeneratedPolicy,
    PolicyConfig,
    build_policy_generator,
    load_policy_generator,
)
from tests.policies.families import (
    ACTION,
    OBSERVATION,
    built,
    fitted,
    linear_tasks,
    small,
)

KINDS = tuple(POLICIES)
FEW_SHOT = ("meta", "pearl")
every_kind = pytest.mark.parametrize("kind", KINDS)


def generate(model, speeds, seed=3):
    conditions, shown = linear_tasks(speeds, seed=seed)
    return model.generate(conditions, shown if model.needs_support else None)


def train(model, steps=40, rate=0.03):
    """Clone the experts of five speeds."""
    speeds = torch.linspace(-10, 10, 5)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    rng = torch.Generator().manual_seed(0)
    for step in range(steps):
        conditions, shown = linear_tasks(speeds, seed=step)
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        loss = model.loss(conditions, shown, generator=rng)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


@every_kind
def test_held_out_tasks_are_learned(kind):
    held_out = torch.tensor([-7.0, -2.0, 3.0, 8.0])
    few = {"blocks": 2} if kind.startswith("hypogen") else {}
    policy = generate(train(fitted(kind, hidden=(32,), **few)), held_out)
    _, wanted = linear_tasks(held_out, 200, seed=99)
    error = (policy.act(wanted.observations) - wanted.actions).square().mean()
    spread = wanted.actions.var(dim=(0, 1)).mean()
    assert error < 0.5 * spread  # of predicting the mean action


@pytest.mark.parametrize("hidden", [(8,), (8, 7), (8, 7, 6)])
@pytest.mark.parametrize("kind", ["hyperzero", "hypogen_raw", "hypogen_latent"])
def test_every_tensor_of_every_layer_is_generated_for_the_task(kind, hidden):
    model = fitted(kind, hidden=hidden)
    conditions = torch.tensor([[-1.0], [1.0]], requires_grad=True)
    layers = split_parameters(model.config.network, model.networks(conditions))
    assert len(layers) == len(hidden) + 1
    for weight, bias in layers:
        for tensor in (weight, bias):
            assert not torch.equal(tensor[0], tensor[1])
            project = torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1))
            (slope,) = torch.autograd.grad((tensor * project).sum(), conditions, retain_graph=True)
            assert (slope != 0).all()


@every_kind
def test_every_weight_gets_a_gradient(kind):
    model = fitted(kind, hidden=(8, 7))
    conditions, shown = linear_tasks(torch.linspace(-10, 10, 5))
    model.loss(conditions, shown, generator=torch.Generator().manual_seed(0)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@every_kind
def test_actions_have_both_signs_and_stay_within_bounds(kind):
    policy = generate(fitted(kind), torch.linspace(-10, 10, 5))
    observations = 50 * torch.randn(5, 100, OBSERVATION, generator=torch.Generator().manual_seed(0))
    actions = policy.act(observations)
    assert actions.min() < -0.01
    assert actions.max() > 0.01
    assert actions.abs().max() <= 1


@every_kind
def test_a_policy_does_not_depend_on_what_else_is_generated(kind):
    model = fitted(kind)
    conditions, shown = linear_tasks(torch.linspace(-10, 10, 5))
    shown = shown if model.needs_support else None
    together = model.generate(conditions, shown).parameters
    for index in range(5):
        own = None if shown is None else _only(shown, index)
        alone = model.generate(conditions[index : index + 1], own).parameters
        torch.testing.assert_close(alone[0], together[index], rtol=1e-5, atol=1e-6)


def _only(shown, index):
    return type(shown)(**{name: value[index : index + 1] for name, value in vars(shown).items()})


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in FEW_SHOT])
def test_standardisation_is_folded_into_the_policies(kind):
    model = fitted(kind)
    conditions, shown = linear_tasks(torch.tensor([-4.0, 6.0]))
    parameters = model.networks(conditions / torch.tensor(50.0).sqrt())
    (first, bias), (last, offset) = split_parameters(model.config.network, parameters)
    stats = model.standardiser
    seen = (shown.observations - stats.observation_mean) / stats.observation_std
    hidden = torch.relu(seen @ first.mT + bias[:, None])
    wanted = torch.tanh(hidden @ last.mT + offset[:, None])
    torch.testing.assert_close(
        model.generate(conditions).act(shown.observations), wanted, rtol=1e-4, atol=1e-5
    )


def test_raw_conditions_are_read_as_they_are():
    plain, raw = fitted("hyperzero"), fitted("hyperzero", raw_conditions=True)
    conditions = torch.tensor([[-4.0], [6.0]])
    std = plain.standardiser.condition_std
    assert std > 5
    torch.testing.assert_close(
        plain.generate(conditions * std).parameters, raw.generate(conditions).parameters
    )
    assert raw.standardiser.observation_std.min() > 2


def test_hyperzero_begins_as_its_authors_have_it():
    weight = built("hyperzero", embedding_dim=256, hidden=(20, 20)).head.weight
    first = (OBSERVATION + 1) * 20
    assert 0.045 < weight[:first].abs().max() <= 0.05
    assert 0.0075 < weight[first:].abs().max() <= 0.008


def test_the_default_sizes_are_the_papers():
    config = PolicyConfig(condition_dim=1, observation_dim=17, action_dim=6)
    assert config.network.sizes == (17, 256, 6)
    model = build_policy_generator("hyperzero", config, generator=torch.Generator())
    assert sum(p.numel() for p in model.encoder.parameters()) == 387_328


@every_kind
def test_what_was_saved_is_loaded_bit_for_bit(kind, tmp_path):
    model = fitted(kind)
    model.save(tmp_path / "run" / "model")
    loaded = load_policy_generator(tmp_path / "run")
    assert type(loaded) is type(model)
    assert loaded.config == model.config
    assert not loaded.training
    wanted = generate(model, torch.tensor([1.0, 2.0])).parameters
    assert torch.equal(generate(loaded, torch.tensor([1.0, 2.0])).parameters, wanted)
    again = type(model).from_pretrained(tmp_path / "run" / "model").state_dict()
    assert all(torch.equal(again[name], value) for name, value in model.state_dict().items())


@every_kind
def test_making_one_draws_from_its_own_generator_alone(kind):
    before = torch.get_rng_state()
    one, again, other = built(kind), built(kind), built(kind, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    first, second, third = (list(model.parameters()) for model in (one, again, other))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    drawn = [a.ndim == 2 and bool(a.any()) for a in first]  # the others may begin as constants
    assert not any(torch.equal(a, c) for a, c, d in zip(first, third, drawn, strict=True) if d)


def test_folders_that_hold_something_else(tmp_path):
    with pytest.raises(CheckpointError, match="no folder"):
        load_policy_generator(tmp_path / "nothing")
    generate(fitted("uvfa"), torch.tensor([1.0])).save(tmp_path / "policy")
    with pytest.raises(CheckpointError, match=r"'generated-policy'; policy generators are cond"):
        load_policy_generator(tmp_path / "policy")
    fitted("uvfa").save(tmp_path / "uvfa")
    with pytest.raises(CheckpointError, match=r"holds a 'uvfa', not a 'pearl'"):
        POLICIES["pearl"].from_pretrained(tmp_path / "uvfa")


@every_kind
def test_bad_specifications(kind, unchecked):
    model = fitted(kind)
    _, shown = linear_tasks(torch.tensor([1.0]))
    for wrong, match in (
        (torch.zeros(1, 2), r"\(1, 2\).*\(E, C\) with C = 1"),
        (torch.zeros(1, 1).double(), "float64"),
        (torch.full((1, 1), torch.nan), "not finite"),
    ):
        with pytest.raises(InputError, match=match):
            model.generate(wrong, shown)


@pytest.mark.parametrize("kind", FEW_SHOT)
def test_few_shot_methods_must_be_shown_something(kind):
    model, (conditions, shown) = fitted(kind), linear_tasks(torch.tensor([1.0, 2.0]))
    for support in (None, shown.take(slice(0, 0)), _only(shown, 0)):
        with pytest.raises(InputError, match="few-shot"):
            model.generate(conditions, support)


def test_the_posterior_is_the_product_of_the_prior_and_every_transition():
    model = fitted("pearl")
    _, shown = linear_tasks(torch.tensor([3.0]), 8)
    mean, variance = model.posterior(shown)
    stats = model.standardiser
    seen = torch.cat(
        [
            stats.observations(shown.observations),
            shown.actions,
            stats.observations(shown.following),
        ],
        dim=-1,
    )
    means, scales = model.encoder(seen[0]).double().chunk(2, dim=-1)
    variances = torch.log1p(scales.exp())
    precision = 1 + (1 / variances).sum(0)
    torch.testing.assert_close(variance[0].double(), 1 / precision, rtol=1e-4, atol=1e-6)
    wanted = (means / variances).sum(0) / precision
    torch.testing.assert_close(mean[0].double(), wanted, rtol=1e-4, atol=1e-5)
    other_order = shown.take(torch.randperm(8, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(model.posterior(other_order)[0], mean)


def test_fine_tuning_a_meta_policy_lowers_the_error():
    model = fitted("meta", tuning_batch=8, tuning_epochs=20)
    conditions, shown = linear_tasks(torch.tensor([-4.0, 6.0]), 64)
    before = model.cloning_error(model.start(conditions), shown)
    policy = model.generate(conditions, shown)
    after = (policy.act(shown.observations) - shown.actions).square().mean((1, 2))
    assert (after < 0.9 * before).all()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"hidden": (0,)}, "positive"),
        ({"embedding_dim": 18}, "multiple of 4"),
        ({"condition_dim": 0}, "positive"),
    ],
)
def test_sizes_that_cannot_be(changes, match):
    with pytest.raises(InputError, match=match):
        small("conditioned", **changes)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("uvfa", {"value_weight": -1.0}),
        ("meta", {"inner_rate": 0.0}),
        ("meta", {"tuning_epochs": 0}),
        ("pearl", {"context": 0}),
        ("pearl", {"divergence_weight": -1.0}),
        ("hypogen_raw", {"blocks": 0}),
    ],
)
def test_settings_of_a_kind_that_cannot_be(kind, changes):
    with pytest.raises(InputError, match="must be"):
        small(kind, **changes)


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="hypogen_raw"):
        build_policy_generator("hypogen", small("uvfa"), generator=torch.Generator())
    with pytest.raises(UnknownNameError, match="relu"):
        small("uvfa", activation="rule")
    with pytest.raises(InputError, match="'meta' is made from a MetaConfig; got a UVFAConfig"):
        build_policy_generator("meta", small("uvfa"), generator=torch.Generator())


def test_statistics_are_fitted_once_and_on_finite_numbers():
    model = fitted("uvfa")
    conditions, shown = linear_tasks(torch.tensor([1.0, 2.0]))
    with pytest.raises(InputError, match="never drift"):
        model.standardiser.fit(conditions, shown.observations[0])
    with pytest.raises(InputError, match="0 conditions"):
        built("uvfa").standardiser.fit(conditions[:0], shown.observations[0])


def test_generated_policies_are_plain_values(tmp_path, unchecked):
    policy = generate(fitted("uvfa"), torch.tensor([1.0, 2.0, 3.0]))
    assert (policy.num_policies, policy.observation_dim, policy.action_dim) == (
        3,
        OBSERVATION,
        ACTION,
    )
    observations = torch.randn(3, 4, OBSERVATION, generator=torch.Generator().manual_seed(0))
    actions = policy.act(observations)
    assert actions.shape == (3, 4, ACTION)
    torch.testing.assert_close(policy.act(observations[:, 1]), actions[:, 1])
    torch.testing.assert_close(policy[1].act(observations[1:2]), actions[1:2])
    policy.save(tmp_path / "policy")
    for copy in (GeneratedPolicy.load(tmp_path / "policy"), pickle.loads(pickle.dumps(policy))):
        assert torch.equal(copy.act(observations), actions)
    double = policy.to(torch.float64).act(observations.double())
    torch.testing.assert_close(double.float(), actions, rtol=1e-4, atol=1e-5)
    for wrong, match in (
        (observations[:2], r"\(2, 4, 3\).*E = 3 and O = 3"),
        (observations[..., :2], r"\(3, 4, 2\)"),
        (observations[0, 0], r"\(3,\)"),
        (observations.double(), "float64"),
    ):
        with pytest.raises(InputError, match=match):
            policy.act(wrong)
