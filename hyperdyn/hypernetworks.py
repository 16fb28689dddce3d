"""The hypernetwork: a code goes in, all parameters of a network come out.

`DenseHypernetwork` has one hidden layer h(z), so what it writes is linear in h:
``W(z) = W₀ + Σⱼ hⱼ(z) Wⱼ``. That gives two exact ways to evaluate a generated network:

* *written out*: form the P parameters once per code, then use them on many inputs (planning, and
  training batches of contexts × targets);
* *basis form*: when every input has its own code, apply the shared matrices W₀…W_J to the inputs
  in one product and sum the results with weights (1, h); no parameters are formed.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.errors import require_known
from hyperdyn.heads import Head
from hyperdyn.networks import ACTIVATIONS, MLPSpec, default_parameters, split_parameters


def _normal(head: "DenseHypernetwork", generator: torch.Generator) -> None:
    """N(0, 0.1²) kernels and zero biases in both layers: the code released with the paper."""
    for layer in (head.hidden, head.output):
        nn.init.normal_(layer.weight, std=0.1, generator=generator)
        nn.init.zeros_(layer.bias)


def _hyperfan_in(head: "DenseHypernetwork", generator: torch.Generator) -> None:
    """Keep generated activations at unit variance (Chang et al., 2020, hyperfan-in)."""
    nn.init.kaiming_normal_(head.hidden.weight, nonlinearity="relu", generator=generator)
    nn.init.zeros_(head.hidden.bias)
    nn.init.zeros_(head.output.bias)
    # Half of each unit's variance comes from generated weights and half from generated biases; the
    # factor 2 of the rectifier cancels that half, except behind the last layer.
    width, offset = head.hidden.out_features, 0
    for index, (inputs, outputs) in enumerate(head.spec.layers):
        gain = 0.5 if index == len(head.spec.layers) - 1 else 1.0
        for length, fan_in in ((inputs * outputs, inputs), (outputs, 1)):
            std = math.sqrt(gain / (fan_in * width))
            block = head.output.weight.detach()[offset : offset + length]
            nn.init.normal_(block, std=std, generator=generator)
            offset += length


def _bias(head: "DenseHypernetwork", generator: torch.Generator) -> None:
    """Start every code at one ordinary network, held in the output bias (Beck et al., 2023)."""
    nn.init.kaiming_normal_(head.hidden.weight, nonlinearity="relu", generator=generator)
    nn.init.zeros_(head.hidden.bias)
    # Small, not zero: with zero kernels the encoder would get no gradient in the first step.
    nn.init.normal_(head.output.weight, std=1e-3, generator=generator)
    head.output.bias.detach().copy_(default_parameters(head.spec, generator))


INITIALISATIONS: dict[str, Callable[["DenseHypernetwork", torch.Generator], None]] = {
    "normal": _normal,
    "hyperfan-in": _hyperfan_in,
    "bias": _bias,
}


class DenseHypernetwork(Head):
    """Fully connected, one hidden layer, all target parameters in its last one (paper, section 3).

    Args:
        code_dim: Z, width of the code.
        hidden_dim: Width J of the hidden layer (paper: 16; released code: 32).
        spec: The network whose parameters are written.
        activation: Hidden activation, a name in `hyperdyn.networks.ACTIVATIONS`.
        initialisation: A name in `INITIALISATIONS`.
        generator: Source of the initial weights.

    Raises:
        UnknownNameError: For an unknown activation or initialisation; lists the valid ones.
    """

    def __init__(
        self,
        code_dim: int,
        hidden_dim: int,
        spec: MLPSpec,
        *,
        activation: str = "leaky_relu",
        initialisation: str = "bias",
        generator: torch.Generator,
    ) -> None:
        super().__init__(code_dim, spec)
        require_known("activation", activation, ACTIVATIONS)
        require_known("initialisation", initialisation, INITIALISATIONS)
        self.activation = activation
        self.hidden = nn.utils.skip_init(nn.Linear, code_dim, hidden_dim)
        self.output = nn.utils.skip_init(nn.Linear, hidden_dim, spec.num_parameters)
        INITIALISATIONS[initialisation](self, generator)

    def _features(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B J"]:
        return ACTIVATIONS[self.activation](self.hidden(code))

    def forward(self, code: Float[Tensor, "B Z"]) -> Float[Tensor, "B P"]:
        """Write out the parameters for each code."""
        parameters: Tensor = self.output(self._features(code))
        return parameters

    def evaluate(
        self, code: Float[Tensor, "B Z"], inputs: Float[Tensor, "B I"]
    ) -> Float[Tensor, "B O"]:
        """The basis form: for inputs that have a code each."""
        features = self._features(code)
        weights = torch.cat([torch.ones_like(features[:, :1]), features], dim=1)  # (B, 1 + J)
        bases = torch.cat([self.output.bias[None], self.output.weight.T])  # (1 + J, P)
        activation = ACTIVATIONS[self.spec.activation]
        layers = split_parameters(self.spec, bases)
        hidden = inputs
        for index, (matrices, biases) in enumerate(layers):
            products = (
                hidden @ matrices.flatten(0, 1).T
            )  # (B, (1 + J) · outputs), one shared product
            per_basis = products.unflatten(1, biases.shape) + biases
            hidden = torch.einsum("bj,bjo->bo", weights, per_basis)
            if index < len(layers) - 1:
                hidden = activation(hidden)
        return hidden
