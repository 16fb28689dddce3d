"""How well pushes are foretold: HyperDynamics, table 1."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.pushing import PushingGenerator, Seen
from hyperdyn.pushing.map_parts import features_of
from hyperdyn.pushing.state import POSITION
from hyperdyn.training.pushing.push_data import PushData

HORIZON = 5
_AT_ONCE = 100


@dataclass(frozen=True)
class PushErrors:
    """Distances in the plane between where objects were foretold to be and where they were, cm."""

    one_step: Float[Tensor, " B"]
    """After one push, from a true state: a mean over the episode's five pushes."""
    unrolled: Float[Tensor, " B"]
    """After five pushes, from the episode's first state, along the model's own predictions."""
    objects: Tensor
    """Which object each episode was of."""


@torch.no_grad()
def push_errors(
    model: PushingGenerator, data: PushData, *, known: bool, exact: bool = False
) -> PushErrors:
    """Errors on every whole episode whose system's other episode is whole.

    Args:
        model: Watches the other episode, looks at this one's first picture, and foretells it.
        data: Test episodes and crops.
        known: Whether the objects are those of training: what an oracle is told.
        exact: Shape codes are worked out anew at every push, not looked up.
    """
    pairs, one_step, unrolled = data.pairs(whole=True), [], []
    for part in torch.arange(len(pairs)).split(_AT_ONCE):
        chosen = pairs[part]
        rows = chosen.predicted
        seen = Seen(
            features_of(model.visual, data.crops.crops[rows]),
            data.yaws[rows, 0],
            data.crops.boxes[rows],
        )
        dynamics = model.generate(
            data.interactions(chosen), seen, truth=data.truth(chosen, known=known), exact=exact
        )
        states, actions = data.episodes.states[rows], data.episodes.actions[rows]
        single = dynamics.advance(states[:, :-1], actions)
        several = dynamics.rollout(states[:, 0], actions[:, None])[:, 0]
        one_step.append(_distance(single, states[:, 1:]).mean(1))
        unrolled.append(_distance(several[:, HORIZON], states[:, HORIZON]))
    return PushErrors(
        torch.cat(one_step), torch.cat(unrolled), data.episodes.objects[pairs.predicted]
    )


def _distance(predicted: Tensor, true: Tensor) -> Tensor:
    away = predicted[..., POSITION] - true[..., POSITION]
    distance: Tensor = 100 * away[..., :2].norm(dim=-1)
    return distance
