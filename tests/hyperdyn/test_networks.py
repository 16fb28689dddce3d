import pytest
import torch
from torch import nn

from hyperdyn.errors import InputError, UnknownNameError
from hyperdyn.networks import (
    ACTIVATIONS,
    MLPSpec,
    batched_mlp,
    default_parameters,
    join_parameters,
    split_parameters,
)


def test_the_papers_cheetah_network_has_22548_parameters():
    assert MLPSpec(sizes=(26, 128, 128, 20)).num_parameters == 22_548


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_each_system_is_evaluated_with_its_own_weights(activation, rng):
    spec = MLPSpec(sizes=(5, 7, 6, 3), activation=activation)
    parameters = torch.stack([default_parameters(spec, rng) for _ in range(4)])
    inputs = torch.randn(4, 9, 5, generator=rng)
    outputs = batched_mlp(spec, parameters, inputs)
    for system in range(4):
        layers = []
        for index, (weight, bias) in enumerate(split_parameters(spec, parameters[system])):
            linear = nn.Linear(weight.shape[1], weight.shape[0])
            linear.weight.data, linear.bias.data = weight, bias
            layers.append(linear)
            if index < 2:
                layers.append(Wrapped(ACTIVATIONS[activation]))
        expected = nn.Sequential(*layers)(inputs[system])
        torch.testing.assert_close(outputs[system], expected)


class Wrapped(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_splitting_and_joining_are_inverse(rng):
    spec = MLPSpec(sizes=(3, 4, 2))
    parameters = torch.randn(6, spec.num_parameters, generator=rng)
    assert torch.equal(join_parameters(split_parameters(spec, parameters)), parameters)


def test_default_parameters_stay_within_their_bound_and_fill_it(rng):
    spec = MLPSpec(sizes=(16, 200, 4))
    (first, bias), (second, _) = split_parameters(spec, default_parameters(spec, rng))
    assert 0.24 < first.abs().max() <= 0.25
    assert 0.2 < bias.abs().max() <= 0.25
    assert 0.065 < second.abs().max() <= 200**-0.5


def test_wrong_number_of_parameters_names_both_numbers():
    with pytest.raises(InputError, match=r"7 parameters .* which has 10"):
        split_parameters(MLPSpec(sizes=(4, 2)), torch.zeros(7))


def test_unknown_activation_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'relu'"):
        MLPSpec(sizes=(1, 1), activation="rleu")


@pytest.mark.parametrize("sizes", [(3,), (3, 0, 1)])
def test_sizes_must_be_positive_and_at_least_two(sizes):
    with pytest.raises(InputError, match="MLPSpec sizes"):
        MLPSpec(sizes=sizes)
