"""Samplers of policies: what their policies depend on, what is kept, and what is refused."""

import dataclasses
import math

import pytest
import torch

from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.genhyper import (
    SAMPLERS,
    HypFormer,
    HypFormerConfig,
    RefinerConfig,
    behaviour_spread,
    build_sampler,
    load_sampler,
    mean_policies,
    return_spread,
)
from hyperdyn.genhyper.autoencoder import Chunks, PolicyAutoencoder
from hyperdyn.genhyper.conditions import ConditionUnits
from hyperdyn.genhyper.diffusion import kept_shares
from hyperdyn.genhyper.space import WeightUnits
from hyperdyn.networks import batched_mlp, split_parameters
from hyperdyn.training.experts.learner import squashed
from tests.genhyper.families import ACTION, HIDDEN, OBSERVATION, SMALL, SPEC, actors_for

KINDS = (*SAMPLERS, "hypformer")
every_kind = pytest.mark.parametrize("kind", KINDS)
CONDITIONS = torch.tensor([[0.5], [1.1], [2.9]])
REFINER = RefinerConfig(samples=4, token_dim=16, attention_heads=4, feedforward_dim=8)


def built(kind, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    if kind == "hypformer":
        base = built("hyplatent", seed, **changes)
        config = HypFormerConfig(base_kind="hyplatent", base=base.config, refiner=REFINER)
        return HypFormer(config, generator=generator).eval()
    sizes = {"condition_dim": 1, "observation_dim": OBSERVATION, "action_dim": ACTION}
    sizes |= {"hidden": HIDDEN, **SMALL, **changes}
    config = SAMPLERS[kind].config_type(**sizes)
    return build_sampler(kind, config, generator=generator).eval()


def drawn(sampler, conditions=CONDITIONS, count=2, seed=5):
    return sampler.sample_actors(conditions, count, torch.Generator().manual_seed(seed))


@every_kind
def test_samples_follow_from_condition_and_generator(kind):
    sampler = built(kind)
    actors = drawn(sampler)
    assert actors.shape == (3, 2, SPEC.num_parameters)
    assert torch.equal(actors, drawn(sampler))
    assert not torch.allclose(actors[0], actors[1])
    other = drawn(sampler, seed=6)
    assert torch.equal(actors, other) == (kind == "regression")
    assert torch.equal(actors[:, 0], actors[:, 1]) == (kind == "regression")


@every_kind
def test_a_task_knows_nothing_of_its_batch_mates(kind):
    sampler, changed = built(kind), CONDITIONS.clone()
    changed[1] = -4.0
    before, after = drawn(sampler), drawn(sampler, changed)
    torch.testing.assert_close(before[[0, 2]], after[[0, 2]], rtol=0, atol=0)
    assert not torch.allclose(before[1], after[1])
    alone = drawn(sampler, CONDITIONS[2:])
    torch.testing.assert_close(alone[0], before[2], rtol=1e-4, atol=1e-5)


@every_kind
def test_what_was_saved_is_loaded_bit_for_bit(kind, tmp_path):
    sampler = built(kind)
    sampler.save(tmp_path / "run" / "model")
    loaded = load_sampler(tmp_path / "run")
    assert type(loaded) is type(sampler)
    assert loaded.config == sampler.config
    assert not loaded.training
    assert torch.equal(drawn(loaded), drawn(sampler))
    again = type(sampler).from_pretrained(tmp_path / "run" / "model").state_dict()
    assert all(torch.equal(again[name], value) for name, value in sampler.state_dict().items())


@every_kind
def test_making_one_draws_from_its_own_generator_alone(kind):
    before = torch.get_rng_state()
    one, again, other = built(kind), built(kind), built(kind, seed=1)
    drawn(one)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(drawn(one), drawn(again))
    assert not torch.allclose(drawn(one), drawn(other))


@every_kind
def test_policies_are_the_actors_without_their_noise(kind):
    sampler = built(kind)
    policy = sampler.sample(CONDITIONS, 2, torch.Generator().manual_seed(5))
    actors = drawn(sampler).flatten(0, 1)
    observations = torch.randn(6, 7, OBSERVATION, generator=torch.Generator().manual_seed(0))
    wanted = squashed(batched_mlp(SPEC, actors, observations), None)
    torch.testing.assert_close(policy.act(observations), wanted)
    seconds = policy[1::2]
    assert seconds.num_policies == 3
    torch.testing.assert_close(seconds.act(observations[1::2]), wanted[1::2])


def test_the_heads_that_are_dropped_are_those_of_the_deviations():
    actors = actors_for(torch.tensor([1.0]), torch.zeros(1, 2))[0]
    kept = mean_policies(SPEC, actors).parameters_by_layer
    whole = split_parameters(SPEC, actors)
    assert torch.equal(kept[-1][0], whole[-1][0][:, :ACTION])
    assert torch.equal(kept[-1][1], whole[-1][1][:, :ACTION])
    assert torch.equal(kept[0][0], whole[0][0])


@pytest.mark.parametrize(
    ("length", "most", "shape"), [(10, 4, (3, 4)), (10, 20, (1, 10)), (9, 4, (3, 3))]
)
def test_chunks_of_any_length(length, most, shape):
    chunks = Chunks(length, most)
    flat = torch.arange(2 * length, dtype=torch.float32).reshape(2, length) + 1
    tokens = chunks.cut(flat)
    assert tokens.shape == (2, *shape)
    assert int((tokens == 0).sum()) == 2 * (shape[0] * shape[1] - length)
    assert torch.equal(chunks.join(tokens), flat)


def test_padding_has_no_part_in_codes_and_errors():
    made = PolicyAutoencoder(10, chunk=4, token_dim=3, generator=torch.Generator().manual_seed(0))
    weights = torch.randn(5, 10, generator=torch.Generator().manual_seed(1))
    made.loss(weights, generator=torch.Generator().manual_seed(2)).backward()
    assert not made.encoder.grad[2, 2:].any()
    assert not made.decoder.grad[2, :, 2:].any()
    assert made.encoder.grad[2, :2].all()
    before = made.encode(weights)
    with torch.no_grad():
        made.encoder[2, 2:] = 9.0
    assert torch.equal(made.encode(weights), before)


def test_an_autoencoder_of_linear_families_loses_little():
    hidden = 2 * torch.rand(6, 20, generator=torch.Generator().manual_seed(1)) - 1
    actors = actors_for(torch.linspace(0, 3, 6), hidden)
    units = WeightUnits(SPEC)
    units.fit(actors.flatten(0, 1))
    weights = units.standardised(actors.flatten(0, 1))
    generator = torch.Generator().manual_seed(0)
    made = PolicyAutoencoder(SPEC.num_parameters, chunk=40, token_dim=8, generator=generator)
    optimiser = torch.optim.Adam(made.parameters(), lr=5e-3)
    for _ in range(150):
        optimiser.zero_grad()
        made.loss(weights, generator=generator).backward()
        optimiser.step()
    found = made.decode(made.encode(weights))
    assert (found - weights).square().mean() < 0.03  # of 1


def test_units_are_one_for_a_layers_weights_and_one_for_its_biases():
    actors = actors_for(torch.tensor([0.5, 2.0]), torch.zeros(2, 3)).flatten(0, 1)
    units = WeightUnits(SPEC)
    units.fit(actors)
    for weight, bias in split_parameters(SPEC, units.unit):
        assert weight.unique().numel() == bias.unique().numel() == 1
    weights = units.standardised(actors)
    torch.testing.assert_close(weights.mean(0), torch.zeros(len(weights[0])), rtol=0, atol=1e-5)
    for weight, _ in split_parameters(SPEC, weights):
        assert weight.square().mean().sqrt() == pytest.approx(1.0, abs=1e-4)
    torch.testing.assert_close(units.raw(weights), actors)
    constant = WeightUnits(SPEC)
    constant.fit(actors[:1])
    assert torch.equal(constant.standardised(actors[:1]), torch.zeros_like(actors[:1]))


def test_angles_are_read_around_the_circle():
    units = ConditionUnits(1, period=2 * math.pi)
    units.fit(torch.tensor([[1.0], [2.0]]))
    low, high, half = units.read(torch.tensor([[0.01], [2 * math.pi - 0.01], [math.pi]]))
    assert (low - high).norm() < 0.03
    assert (low - half).norm() > 1.9
    plain = ConditionUnits(1, period=None)
    plain.fit(torch.tensor([[1.0], [3.0]]))
    assert plain.read(torch.tensor([[4.0]])).item() == pytest.approx(2.0)


def test_noise_levels_rise_to_noise_alone():
    kept = kept_shares(100)
    assert (kept.diff() < 0).all()
    assert kept[0] > 0.99
    assert kept[-1] < 1e-3


def test_only_training_leaves_numbers_out():
    sampler = built("regression", dropout=0.5)
    read = sampler.conditions.read(CONDITIONS)
    one, other = (
        sampler.writer.trained(read, dropping=torch.Generator().manual_seed(n)) for n in (0, 1)
    )
    assert not torch.allclose(one, other)
    assert torch.equal(drawn(sampler, seed=0), drawn(sampler, seed=1))


def test_spreads_are_zero_for_equal_policies_and_known_for_two():
    sampler = built("regression")
    observations = torch.randn(9, OBSERVATION, generator=torch.Generator().manual_seed(0))
    same = sampler.sample(CONDITIONS, 3, torch.Generator())
    torch.testing.assert_close(
        behaviour_spread(same, 3, observations), torch.zeros(3), rtol=0, atol=1e-6
    )
    network = dataclasses.replace(same.spec)
    constant = torch.zeros(4, network.num_parameters)
    constant[:, -ACTION:] = torch.tensor([0.0, 0.6, 0.5, 0.5]).atanh()[:, None]
    policy = type(same)(network, constant)
    found = behaviour_spread(policy, 2, observations)
    torch.testing.assert_close(found, torch.tensor([0.6 / math.sqrt(2), 0.0]), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        return_spread(torch.tensor([[1.0, 3.0], [2.0, 2.0]])), torch.tensor([math.sqrt(2), 0.0])
    )
    with pytest.raises(InputError, match="4 policies as samples of 3"):
        behaviour_spread(policy, 3, observations)
    with pytest.raises(InputError, match=r"\(2, 1\)"):
        return_spread(torch.zeros(2, 1))


@every_kind
def test_bad_conditions(kind, unchecked):
    sampler, generator = built(kind), torch.Generator()
    for wrong, match in (
        (torch.zeros(1, 2), r"\(1, 2\).*\(E, C\) with C = 1"),
        (torch.zeros(1, 1).double(), "float64"),
        (torch.full((1, 1), torch.nan), "not finite"),
    ):
        with pytest.raises(InputError, match=match):
            sampler.sample(wrong, 1, generator)
    with pytest.raises(InputError, match="at least 1; got 0"):
        sampler.sample(CONDITIONS, 0, generator)


def test_folders_that_hold_something_else(tmp_path):
    policy = built("regression").sample(CONDITIONS, 1, torch.Generator())
    policy.save(tmp_path / "policy")
    with pytest.raises(CheckpointError, match=r"'generated-policy'; samplers of policies are hyp"):
        load_sampler(tmp_path / "policy")
    built("diffusion").save(tmp_path / "diffusion")
    with pytest.raises(CheckpointError, match=r"holds a 'diffusion', not a 'hypformer'"):
        HypFormer.from_pretrained(tmp_path / "diffusion")


@pytest.mark.parametrize(
    ("kind", "changes", "match"),
    [
        ("regression", {"hidden": (0,)}, "positive"),
        ("regression", {"widths": ()}, "hour-glass"),
        ("regression", {"dropout": 1.0}, "dropout"),
        ("regression", {"period": 0.0}, "period"),
        ("hyplatent", {"noise_dim": 0}, "positive"),
        ("hyplatent", {"reconstruction_weight": -1.0}, "at least 0"),
        ("diffusion", {"inference_steps": 101}, "inference_steps"),
        ("diffusion", {"time_dim": 3}, "time_dim"),
    ],
)
def test_sizes_that_cannot_be(kind, changes, match):
    with pytest.raises(InputError, match=match):
        built(kind, **changes)


def test_a_refiner_that_cannot_be():
    with pytest.raises(InputError, match="divide"):
        RefinerConfig(token_dim=10, attention_heads=3)
    with pytest.raises(InputError, match="at least 0"):
        RefinerConfig(residual_weight=-1.0)
    with pytest.raises(UnknownNameError, match="hyplatent"):
        build_sampler("gan", built("regression").config, generator=torch.Generator())
