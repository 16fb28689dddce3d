"""Demonstrations as transitions: what policy generators are trained on and shown."""

import hashlib
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.policies import Demonstrated
from hyperdyn.training.demonstrations.dataset import Demonstrations

DISCOUNT = 0.99
"""Of rewards to come; what HyPoGen's and HyperZero's experts have."""


def transitions(source: Demonstrations, rows: Sequence[int]) -> Demonstrated:
    """All transitions of some specifications; the last step of an episode begins none.

    Raises:
        InputError: If there are no rows, or numbers are not finite, or actions outside [-1, 1].
    """
    if not rows:
        raise InputError("The demonstrations show none of the specifications asked for.")
    chosen = list(rows)
    observations, actions = source.observations[chosen], source.actions[chosen]
    found = Demonstrated(
        observations=observations[:, :, :-1].flatten(1, 2).float(),
        actions=actions[:, :, :-1].flatten(1, 2).float(),
        following=observations[:, :, 1:].flatten(1, 2).float(),
        values=values_of(source.rewards[chosen])[:, :, :-1].flatten(1, 2),
    )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in vars(found).values()):
        raise InputError("The demonstrations hold numbers that are not finite; collect them anew.")
    most = float(found.actions.abs().max())
    if most > 1 + 1e-6:
        raise InputError(
            f"The demonstrations hold an action of {most:g}; generated policies act within -1 and "
            "1. Give actions in units of the environment's half range."
        )
    return found


def values_of(rewards: Float[Tensor, "C R T"]) -> Float[Tensor, "C R T"]:
    """Means of the rewards from each step on, discounted: (1 - γ) Σ γᵏ rₜ₊ₖ.

    An episode's end is a limit of time, not of the task: its last reward is taken to go on.
    """
    found = torch.empty_like(rewards, dtype=torch.float32)
    value = rewards[..., -1].float()
    for step in reversed(range(rewards.shape[-1])):
        value = (1 - DISCOUNT) * rewards[..., step] + DISCOUNT * value
        found[..., step] = value
    return found


def draw(
    conditions: Float[Tensor, "C D"],
    shown: Demonstrated,
    *,
    tasks: int,
    targets: int,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "E D"], Demonstrated]:
    """A batch: some tasks without repetition, and transitions of each, with.

    Args:
        conditions: Specifications of all.
        shown: All transitions.
        tasks: How many tasks, at most.
        targets: How many transitions of each.
        generator: The source of the draws.
    """
    rows = torch.randperm(len(conditions), generator=generator)[:tasks]
    places = torch.randint(len(shown), (len(rows), targets), generator=generator)
    picked = {name: value[rows[:, None], places] for name, value in vars(shown).items()}
    return conditions[rows], Demonstrated(**picked)


def held_out(rows: Sequence[int], count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Rows to train on, and evenly spaced ones to validate with.

    Raises:
        InputError: If none would be left to train on.
    """
    if count >= len(rows):
        raise InputError(
            f"{count} of {len(rows)} training specifications cannot be held out; leave some."
        )
    places = {int((index + 0.5) * len(rows) / count) for index in range(count)}
    kept = tuple(row for place, row in enumerate(rows) if place not in places)
    return kept, tuple(rows[place] for place in sorted(places))


def digest(source: Demonstrations) -> str:
    """A word that changes when what was demonstrated does."""
    found = hashlib.sha256()
    for tensor in (source.specifications, source.observations, source.actions, source.rewards):
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
