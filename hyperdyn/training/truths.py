"""What an oracle is told: the true properties of a system where it is, and whom experts are for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

Context = Mapping[str, Any]
"""An environment's `info["context"]` as JSON values."""
TruthAt = Callable[[Context, Float[Tensor, " T"]], Float[Tensor, "T Q"]]
"""The true properties of a system at places along the way (m)."""

EXPERTS = 5
SEGMENTS = 10
BLOCKS = 8
BLOCK_LENGTH = 4.0
CHANGES = "changes"
"""Key of a recorded context under which later ones stand, by the step that they came with."""


@dataclass(frozen=True, kw_only=True)
class Expert:
    """A system that an expert is trained for."""

    truth: tuple[float, ...]
    """What tells it from the others."""
    options: dict[str, tuple[float, ...]]
    """Reset options that make it; what they leave open is drawn from the training range."""


Told = tuple[TruthAt, tuple[Expert, ...]]


def _spread(low: float, high: float) -> list[float]:
    return [low + (high - low) * i / (EXPERTS - 1) for i in range(EXPERTS)]


def slope() -> Told:
    """The height of the segment under the centre of mass; of the nearest, beyond the slopes."""

    def truth_at(context: Context, places: Float[Tensor, " T"]) -> Float[Tensor, "T Q"]:
        heights = torch.tensor(context["heights"])
        segment = (places / context["segment_length"]).floor().long()
        return heights[segment.clamp(0, len(heights) - 1)][:, None]

    experts = (
        Expert(truth=(height,), options={"heights": (height,) * SEGMENTS})
        for height in _spread(0.5, 3.5)
    )
    return truth_at, tuple(experts)


def pier() -> Told:
    """The damping of the block under the centre of mass, or the nearest; its friction is drawn."""

    def truth_at(context: Context, places: Float[Tensor, " T"]) -> Float[Tensor, "T Q"]:
        damping = torch.tensor(context["damping"])
        block = (places / BLOCK_LENGTH + 0.5).floor().long()
        return damping[block.clamp(0, len(damping) - 1)][:, None]

    experts = (
        Expert(truth=(damping,), options={"damping": (damping,) * BLOCKS})
        for damping in _spread(0.2, 0.8)
    )
    return truth_at, tuple(experts)


def whole(*names: str) -> TruthAt:
    """Properties that are the same everywhere."""

    def truth_at(context: Context, places: Float[Tensor, " T"]) -> Float[Tensor, "T Q"]:
        values = torch.tensor([value for name in names for value in context[name]])
        return values.expand(len(places), -1)

    return truth_at


def body(low: float, high: float) -> Told:
    """Both scales of the body; the experts' are equal."""
    names = ("mass_scale", "damping_scale")
    experts = (
        Expert(truth=(scale, scale), options=dict.fromkeys(names, (scale,)))
        for scale in _spread(low, high)
    )
    return whole(*names), tuple(experts)


def groups(
    name: str,
    actions: Sequence[str],
    affected: Sequence[Sequence[str]],
    *,
    on: float = 1.0,
    off: float = 0.0,
) -> Told:
    """One number for each action; experts for all groups of actions, or five spread over them.

    Args:
        name: Of the property.
        actions: In order.
        affected: The groups of training.
        on: The number of an action in the group.
        off: That of another.
    """
    count = min(EXPERTS, len(affected))
    chosen = [affected[i * (len(affected) - 1) // (count - 1)] for i in range(count)]
    values = [tuple(on if action in group else off for action in actions) for group in chosen]
    return whole(name), tuple(Expert(truth=v, options={name: v}) for v in values)


def contexts_in_force(
    truth_at: TruthAt, context: Context, places: Float[Tensor, " T"]
) -> list[Float[Tensor, "_ Q"]]:
    """The truth at successive states of an episode, in the stretches between its changes.

    A change after n steps counts from state n + 1 on, the first that came about under it.
    """
    changes = context.get(CHANGES, {})
    starts = [0, *(int(step) + 1 for step in changes)]
    stops = [*starts[1:], len(places)]
    stretches = zip(starts, stops, [context, *changes.values()], strict=True)
    return [truth_at(each, places[start:stop]) for start, stop, each in stretches]
