"""One neural gradient step: how a policy's encoded layers should change, from the task alone."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.policies.layers import two_layers

Widths = tuple[tuple[int, int], ...]
"""Of each layer of a policy, how many inputs and outputs blocks think of it as having."""


def thought_widths(layers: Widths, hidden: int) -> Widths:
    """Hidden layers are thought of as `hidden` wide; the outermost widths are the policy's own."""
    inside = [hidden] * (len(layers) - 1)
    return tuple(zip([layers[0][0], *inside], [*inside, layers[-1][1]], strict=True))


class HyPoGenBlock(nn.Module):
    """Backpropagation through a policy that is only thought of (HyPoGen, equations 7 and 8).

    Forward, ẑ₀ comes from the task's embedding and ẑₙ from ẑₙ₋₁ and the encoded layer eₙ. Backward,
    networks of ẑₙ₋₁ and eₙ give each layer's Jacobians by its parameters and by its inputs; their
    products with the gradient at the policy's output are what changes. That ẑₙ depends on eₙ is the
    released code's; the paper leaves it out for clarity. Every network has one hidden layer.

    Args:
        embedding_dim: D.
        widths: Of the policy's layers, as blocks think of them.
        code_dim: Z, width of an encoded layer.
        hidden: Width of the networks' hidden layers.
        sliced: How a gradient g at a layer's output becomes one at its inputs: by J g, as equation
            8 says; or, as released, by a shared network of g and of each input's row of J.
        generator: Source of the initial weights.
    """

    def __init__(
        self,
        embedding_dim: int,
        widths: Widths,
        code_dim: int,
        hidden: int,
        *,
        sliced: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self._widths, self._code_dim = widths, code_dim

        def network(inputs: int, outputs: int) -> nn.Sequential:
            return two_layers(inputs, hidden, outputs, generator)

        # Nothing would use the last layer's ẑ, nor the gradient at the policy's input.
        self.first_input = network(embedding_dim, widths[0][0])
        self.next_input = nn.ModuleList(network(q + code_dim, p) for q, p in widths[:-1])
        self.by_parameters = nn.ModuleList(network(q + code_dim, code_dim * p) for q, p in widths)
        self.by_inputs = nn.ModuleList(network(q + code_dim, q * p) for q, p in widths[1:])
        self.slices = nn.ModuleList(network(2 * p, 1) for _, p in widths[1:]) if sliced else None

    def forward(
        self,
        embedding: Float[Tensor, "E D"],
        codes: list[Float[Tensor, "E Z"]],
        output_gradient: Float[Tensor, "E A"],
    ) -> list[Float[Tensor, "E Z"]]:
        """The change of each encoded layer.

        Args:
            embedding: Of the tasks.
            codes: The encoded layers, first to last.
            output_gradient: At the policy's output.
        """
        joined = []
        activation = self.first_input(embedding)
        for index, code in enumerate(codes):
            joined.append(torch.cat([activation, code], dim=-1))
            if index < len(self.next_input):
                activation = self.next_input[index](joined[index])
        changes: list[Tensor] = []
        gradient = output_gradient
        for index in reversed(range(len(codes))):
            q, p = self._widths[index]
            jacobian = self.by_parameters[index](joined[index]).unflatten(1, (self._code_dim, p))
            changes.insert(0, _product(jacobian, gradient))
            if index:
                jacobian = self.by_inputs[index - 1](joined[index]).unflatten(1, (q, p))
                gradient = self._backward(index - 1, jacobian, gradient)
        return changes

    def _backward(self, index: int, jacobian: Tensor, gradient: Tensor) -> Tensor:
        """The gradient at a layer's inputs."""
        if self.slices is None:
            return _product(jacobian, gradient)
        rows = torch.cat([gradient[:, None].expand_as(jacobian), jacobian], dim=-1)
        sliced: Tensor = self.slices[index](rows)
        return sliced[..., 0]


def _product(
    matrices: Float[Tensor, "E I J"], vectors: Float[Tensor, "E J"]
) -> Float[Tensor, "E I"]:
    return torch.einsum("eij,ej->ei", matrices, vectors)
