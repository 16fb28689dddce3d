"""Hidden units in one order: actors that learnt apart number them by chance.

An actor whose hidden units are put in another order, its weights with them, acts the same. Experts
of different tasks begin from weights of their own, so entry p of one has nothing to do with entry p
of another; a map from conditions to weights must learn each order by heart. Weight matching
(Ainsworth et al., 2023) finds, layer by layer, the order in which an actor is most like another.
"""

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from hyperdyn.networks import MLPSpec, join_parameters, split_parameters

SWEEPS = 20
"""Most passes over the hidden layers; they end as soon as no order changes."""
ROUNDS = 3
"""Times that every task is matched to the mean of the others, after the first pass."""

Orders = list[Int[Tensor, " _"]]
"""Of each hidden layer: which unit comes first, second and so on."""


def aligned(spec: MLPSpec, actors: Float[Tensor, "T K P"]) -> Float[Tensor, "T K P"]:
    """Put the hidden units of all tasks' actors in one order; none acts otherwise than before.

    The actors of a task grew out of each other: they keep one order, that of the last. The first
    pass begins with the middle task and goes outwards, each task matched to the nearest that was;
    tasks are to be given in order. Then each is matched to the mean of the others, a few times.

    Args:
        spec: Of the actors.
        actors: Flat weights.
    """
    found = actors.clone()
    middle = len(found) // 2
    outwards = [(row, row - 1) for row in range(middle + 1, len(found))]
    outwards += [(row, row + 1) for row in reversed(range(middle))]
    for row, neighbour in outwards:
        orders = matched(spec, found[row, -1], found[neighbour, -1])
        found[row] = reordered(spec, found[row], orders)
    for _ in range(ROUNDS if len(found) > 2 else 0):
        for row in range(len(found)):
            others = (found[:, -1].sum(0) - found[row, -1]) / (len(found) - 1)
            orders = matched(spec, found[row, -1], others)
            found[row] = reordered(spec, found[row], orders)
    return found


def matched(spec: MLPSpec, actor: Float[Tensor, " P"], other: Float[Tensor, " P"]) -> Orders:
    """Orders of an actor's hidden units that bring its weights closest to another's.

    Layer by layer, the one order that is best while the others are held: least squares over what
    goes into a unit and what comes out of it.
    """
    own, wanted = (
        [_columns(part) for part in split_parameters(spec, flat)] for flat in (actor, other)
    )
    orders = [torch.arange(width) for width in spec.sizes[1:-1]]
    for _ in range(SWEEPS):
        changed = False
        for layer, before in enumerate(orders):
            incoming = own[layer]
            if layer:
                incoming = _by_inputs(incoming, orders[layer - 1])
            outgoing = own[layer + 1][:, : len(before)]
            if layer + 1 < len(orders):
                outgoing = outgoing[orders[layer + 1]]
            alike = incoming @ wanted[layer].T + outgoing.T @ wanted[layer + 1][:, : len(before)]
            _, best = linear_sum_assignment(alike.T.numpy(), maximize=True)
            orders[layer] = torch.from_numpy(best)
            changed = changed or not torch.equal(orders[layer], before)
        if not changed:
            break
    return orders


def reordered(spec: MLPSpec, actors: Float[Tensor, "K P"], orders: Orders) -> Float[Tensor, "K P"]:
    """The same actors with their hidden units in other orders."""
    layers = split_parameters(spec, actors)
    for layer, order in enumerate(orders):
        weight, bias = layers[layer]
        layers[layer] = (weight[:, order], bias[:, order])
        weight, bias = layers[layer + 1]
        layers[layer + 1] = (weight[..., order], bias)
    return join_parameters(layers)


def _columns(layer: tuple[Tensor, Tensor]) -> Float[Tensor, "O I"]:
    """Weights with the bias as a last column."""
    weight, bias = layer
    return torch.cat((weight, bias[:, None]), 1).double()


def _by_inputs(columns: Float[Tensor, "O I"], order: Int[Tensor, " H"]) -> Float[Tensor, "O I"]:
    """The same, its inputs but the bias in another order."""
    return torch.cat((columns[:, order], columns[:, -1:]), 1)
