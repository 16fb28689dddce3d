"""HypFormer: attention across a task's own samples and nothing else; its losses."""

import torch
from torch.nn import functional

from tests.genhyper.families import SPEC, actors_for
from tests.genhyper.test_samplers import CONDITIONS, built


def parts(seed=0, samples=4):
    sampler = built("hypformer")
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randn(3, samples, sampler.space.code_dim, generator=generator)
    return sampler, codes, sampler.conditions.read(CONDITIONS)


def test_a_result_depends_on_its_own_set_and_on_no_other():
    sampler, codes, read = parts()
    latent, residue = sampler.refiner(codes, read)
    changed = codes.clone()
    changed[1, 2] += 1.0
    other_latent, other_residue = sampler.refiner(changed, read)
    for before, after in ((latent, other_latent), (residue, other_residue)):
        assert torch.equal(before[[0, 2]], after[[0, 2]])
        assert (before[1] - after[1]).abs().max() > 1e-3
    alone = sampler.refiner(codes[2:], read[2:])
    torch.testing.assert_close(alone[0][0], latent[2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(alone[1][0], residue[2], rtol=1e-4, atol=1e-5)


def test_the_order_of_a_set_says_nothing():
    sampler, codes, read = parts()
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(
        sampler.refiner(codes[:, order], read), sampler.refiner(codes, read), rtol=1e-4, atol=1e-5
    )
    before, after = (sampler.refiner.enhanced(these, read) for these in (codes, codes[:, order]))
    torch.testing.assert_close(after[:, 1:5], before[:, 1:5][:, order], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before[:, 1], before[:, 2], atol=1e-3)


def test_samples_attend_to_each_other():
    sampler, codes, read = parts()
    changed = codes.clone()
    changed[:, 0] += 1.0
    before, after = (sampler.refiner.enhanced(these, read) for these in (codes, changed))
    assert (before[:, 2] - after[:, 2]).abs().max() > 1e-4  # of a sample that was not changed


def test_each_refined_policy_has_samples_of_its_own():
    sampler = built("hypformer")
    noise = torch.randn(3, 2, sampler.noise_dim, generator=torch.Generator().manual_seed(3))
    codes = sampler.codes(CONDITIONS, noise)
    base = sampler.base.codes(CONDITIONS, noise.reshape(3, 8, sampler.base.noise_dim))
    read = sampler.conditions.read(CONDITIONS)
    for place in (0, 1):
        latent, residue = sampler.refiner(base[:, 4 * place : 4 * place + 4], read)
        torch.testing.assert_close(codes[:, place], latent + residue, rtol=1e-4, atol=1e-5)


def test_losses_are_those_written_down():
    sampler = built("hypformer")
    weights = torch.randn(3, SPEC.num_parameters, generator=torch.Generator().manual_seed(1))
    losses = sampler.losses(CONDITIONS, weights, generator=torch.Generator().manual_seed(2))
    shape = (3, 4, sampler.base.noise_dim)
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    codes = sampler.base.codes(CONDITIONS, drawn)
    latent, residue = sampler.refiner(codes, sampler.conditions.read(CONDITIONS))
    wanted = sampler.space.encode(weights)
    cosine = (functional.normalize(latent) * functional.normalize(wanted)).sum(-1)
    torch.testing.assert_close(losses.similarity, (1 - cosine).mean())
    torch.testing.assert_close(losses.residual, (residue - (wanted - latent)).square().mean())
    torch.testing.assert_close(losses.consistency, (latent + residue - wanted).square().mean())
    total = losses.similarity + losses.residual + losses.consistency
    torch.testing.assert_close(sampler.weighted(losses), total)
    heads = [*sampler.refiner.latent_head.parameters()]
    slopes = torch.autograd.grad(losses.residual, heads, allow_unused=True)
    assert all(slope is None for slope in slopes)  # the residue's target is given
    total.backward()
    for name, weight in sampler.refiner.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.any(), name
    assert all(weight.grad is None for weight in sampler.base.parameters())


def test_actors_are_decoded_in_the_units_of_the_base():
    sampler = built("hypformer")
    actors = actors_for(torch.tensor([0.0, 3.0]), torch.zeros(2, 2)).flatten(0, 1)
    sampler.space.units.fit(actors)
    found = sampler.sample_actors(CONDITIONS, 1, torch.Generator().manual_seed(0))
    noise = torch.randn(1, sampler.noise_dim, generator=torch.Generator().manual_seed(0))
    codes = sampler.codes(CONDITIONS, noise.expand(3, 1, -1))
    wanted = sampler.base.space.decode(codes[:, 0]) * sampler.base.space.units.unit
    torch.testing.assert_close(found[:, 0], wanted + actors.mean(0), rtol=1e-4, atol=1e-4)
