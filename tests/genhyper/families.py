"""A family of actors that is known: linear in the task's condition, and in a hidden number."""

import torch

from hyperdyn.networks import MLPSpec
from hyperdyn.training.genhyper.collection import PolicyCollection

OBSERVATION, ACTION, HIDDEN = 3, 2, (6, 5)
SPEC = MLPSpec(sizes=(OBSERVATION, *HIDDEN, 2 * ACTION))
SPEEDS = torch.linspace(0.2, 2.8, 9)
SPREAD = 0.5
SMALL = {
    "chunk": 40,
    "token_dim": 16,
    "widths": (64, 32),
    "embedding_dim": 32,
    "dropout": 0.0,
}


def directions():
    """Of the weights: what all share, what the condition adds, and what the hidden number adds."""
    return torch.randn(3, SPEC.num_parameters, generator=torch.Generator().manual_seed(7))


def actors_for(speeds, hidden):
    """Actors [T, K, P] for conditions [T] and hidden numbers [T, K]."""
    base, slope, other = directions()
    return base + (speeds[:, None, None] - 1.5) * slope + hidden[..., None] * SPREAD * other


def coordinates(actors):
    """Speed and hidden number of actors by least squares, and how far they are from the family."""
    base, slope, other = directions().double()
    plane = torch.stack((slope, SPREAD * other), -1)
    away = (actors.double() - base).reshape(-1, SPEC.num_parameters).T
    found = torch.linalg.lstsq(plane, away).solution
    rest = (away - plane @ found).square().mean(0).sqrt()
    shape = actors.shape[:-1]
    return found[0].reshape(shape) + 1.5, found[1].reshape(shape), rest.reshape(shape)


def collection(speeds=SPEEDS, actors=40, seed=0):
    """Experts of some speeds, whose hidden numbers are drawn uniformly from [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    hidden = 2 * torch.rand(len(speeds), actors, generator=generator) - 1
    return PolicyCollection(
        family="cheetah-vel",
        tasks=tuple(range(len(speeds))),
        conditions=speeds[:, None, None],
        period=None,
        network=SPEC,
        actors=actors_for(speeds, hidden),
        digest=f"synthetic {seed}",
    )
