import pytest
import torch

from hyperdyn.errors import UnknownNameError
from hyperdyn.hypernetworks import INITIALISATIONS, DenseHypernetwork
from hyperdyn.networks import ACTIVATIONS, MLPSpec, batched_mlp, split_parameters

SPEC = MLPSpec(sizes=(26, 128, 128, 20))


def make(initialisation="hyperfan-in", hidden=16, spec=SPEC, seed=0, activation="leaky_relu"):
    generator = torch.Generator().manual_seed(seed)
    return DenseHypernetwork(
        2, hidden, spec, activation=activation, initialisation=initialisation, generator=generator
    )


@pytest.mark.parametrize("initialisation", sorted(INITIALISATIONS))
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_basis_form_equals_the_written_out_form(initialisation, activation, rng):
    head = make(initialisation, activation=activation).double()
    code = torch.randn(12, 2, generator=rng, dtype=torch.float64)
    inputs = torch.randn(12, 26, generator=rng, dtype=torch.float64)
    written = batched_mlp(SPEC, head(code), inputs[:, None])[:, 0]
    torch.testing.assert_close(head.evaluate(code, inputs), written, rtol=1e-10, atol=1e-12)


def test_both_forms_give_the_same_gradients(rng):
    head = make("normal").double()
    inputs = torch.randn(12, 26, generator=rng, dtype=torch.float64)
    gradients = []
    for form in ("basis", "written"):
        code = torch.linspace(-1, 1, 24, dtype=torch.float64).view(12, 2).requires_grad_()
        if form == "basis":
            outputs = head.evaluate(code, inputs)
        else:
            outputs = batched_mlp(SPEC, head(code), inputs[:, None])[:, 0]
        loss = outputs.square().sum()
        gradients.append(torch.autograd.grad(loss, [code, *head.parameters()]))
    for basis, written in zip(*gradients, strict=True):
        torch.testing.assert_close(basis, written, rtol=1e-9, atol=1e-10)


def test_generated_weights_do_not_depend_on_batch_mates(rng):
    head = make().double()
    code = torch.randn(5, 2, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(head(code)[3], head(code[3:4])[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("initialisation", sorted(INITIALISATIONS))
def test_every_generated_layer_depends_on_the_code(initialisation):
    head = make(initialisation)
    code = torch.tensor([[1.0, -1.0], [-1.0, 0.5]])
    for weight, bias in split_parameters(SPEC, head(code)):
        assert not torch.equal(weight[0], weight[1])
        assert not torch.equal(bias[0], bias[1])


def test_hyperfan_in_keeps_generated_activations_at_unit_scale(rng):
    spec = MLPSpec(sizes=(32, 64, 64, 64, 16))
    # Generated activations grow with the code's length, so hold that at its typical value.
    code = torch.nn.functional.normalize(torch.randn(100, 2, generator=rng), dim=1) * 2**0.5
    inputs = torch.randn(100, 32, generator=rng)
    variances = [
        make("hyperfan-in", hidden=64, spec=spec, seed=seed, activation="relu")
        .evaluate(code, inputs)
        .square()
        .mean()
        for seed in range(20)
    ]
    assert 0.5 < torch.stack(variances).mean() < 2.0


def test_normal_is_the_released_initialisation():
    head = make("normal")
    assert head.output.weight.std().item() == pytest.approx(0.1, rel=0.02)
    assert not head.output.bias.any()
    assert not head.hidden.bias.any()


def test_bias_starts_every_code_near_one_ordinary_network():
    head = make("bias")
    near, far = head(torch.tensor([[1.0, -1.0], [-1.0, 0.5]]))
    assert 0 < (near - far).norm() < 0.1 * near.norm()
    first, _ = split_parameters(SPEC, near)[0]
    assert first.std().item() == pytest.approx(26**-0.5 / 3**0.5, rel=0.1)


def test_unknown_initialisation_lists_the_valid_ones():
    with pytest.raises(UnknownNameError, match="bias, hyperfan-in, normal"):
        make("xavier")


def test_the_initial_weights_come_from_the_generator():
    assert torch.equal(make("normal", seed=3).output.weight, make("normal", seed=3).output.weight)
    assert not torch.equal(
        make("normal", seed=3).output.weight, make("normal", seed=4).output.weight
    )
