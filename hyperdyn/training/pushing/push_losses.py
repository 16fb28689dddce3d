"""L_pred and L_vp (HyperDynamics, equations 1 and 2) on batches of crops and pairs of episodes."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from hyperdyn.perception import VisualEncoder, turn_images
from hyperdyn.pushing import Angle, PushingGenerator, Watched
from hyperdyn.pushing.dynamics import normalised_inputs
from hyperdyn.pushing.generator import scaled_properties
from hyperdyn.pushing.map_parts import features_of
from hyperdyn.pushing.own_network import Experts
from hyperdyn.pushing.state import STATE_SPACE, change_weights
from hyperdyn.training.pushing.crops import Crops
from hyperdyn.training.pushing.push_data import Pairs, PushData


class Batch(NamedTuple):
    """B pairs of episodes, normalised; T pushes to be predicted of each."""

    watched: Watched
    """Without what told the orientation."""
    inputs: Float[Tensor, "B T I"]
    changes: Float[Tensor, "B T S"]
    weights: Float[Tensor, "B T"]
    """1 for pushes that happened."""
    turns: Float[Tensor, "B _"]
    """K + T turns since the object was seen, rad: at each push of either episode."""
    yaws: Float[Tensor, "B _"]
    """Its yaw in the world then, rad."""


def make_batch(model: PushingGenerator, data: PushData, pairs: Pairs) -> Batch:
    """Normalise pairs."""
    stats, episodes, yaws = model.normaliser, data.episodes, data.yaws
    interactions, rows = data.interactions(pairs), pairs.predicted
    before, after = episodes.states[rows, :-1], episodes.states[rows, 1:]
    both = torch.cat([yaws[pairs.watched, :-1], yaws[rows, :-1]], dim=1)
    pushes = interactions.actions.shape[1]
    watched = model.watched(interactions, torch.zeros(len(rows), pushes, 0))
    if isinstance(model.predictor, Experts):
        truth = data.truth(pairs, known=True)
        watched = watched._replace(experts=truth.objects, properties=scaled_properties(truth))
    places = torch.arange(before.shape[1])
    return Batch(
        watched=watched,
        inputs=normalised_inputs(stats, before, episodes.actions[rows]),
        changes=(STATE_SPACE.difference(before, after) - stats.change_mean) / stats.change_std,
        weights=(places < episodes.lengths[rows, None]).to(torch.float32),
        turns=both - yaws[rows, :1],
        yaws=both,
    )


def prediction_loss(
    model: PushingGenerator, batch: Batch, turned: Float[Tensor, "B _ Z"]
) -> Tensor:
    """L_pred: squared error of normalised changes, a mean over pushes.

    Args:
        model: Its predictor.
        batch: Pairs.
        turned: What tells the orientation at every push of either episode.
    """
    pushes = batch.watched.inputs.shape[1]
    kept = model.predictor.watch(batch.watched._replace(turned=turned[:, :pushes]))
    predicted = model.predictor.changes(kept, turned[:, pushes:], batch.inputs)
    error = ((predicted - batch.changes).square() * change_weights()).sum(-1)
    return (error * batch.weights).sum() / batch.weights.sum()


def codes_of(
    model: PushingGenerator, crops: Crops, rows: Int[Tensor, " B"], batch: Batch
) -> Float[Tensor, "B _ Z"]:
    """What tells the orientation at every push of either episode; 0 where the model does not ask.

    Args:
        model: Its shape encoder.
        crops: Of the pictures.
        rows: The picture of each pair, that of the episode predicted.
        batch: The pairs.
    """
    if model.predictor.recalls:
        return shape_codes(model.visual, crops, rows, batch.turns)
    pushes = batch.inputs.shape[1]
    codes = shape_codes(model.visual, crops, rows, batch.turns[:, -pushes:])
    unasked = codes.new_zeros(len(codes), batch.turns.shape[1] - pushes, codes.shape[2])
    return torch.cat([unasked, codes], dim=1)


def shape_codes(
    visual: VisualEncoder,
    crops: Crops,
    rows: Int[Tensor, " B"],
    turns: Float[Tensor, "B n"],
) -> Float[Tensor, "B n Z"]:
    """Codes of crops at n turns each."""
    features = features_of(visual, crops.crops[rows])
    codes = visual.codes(features.repeat_interleave(turns.shape[1], 0), turns.flatten())
    return codes.reshape(*turns.shape, -1)


def view_loss(
    visual: VisualEncoder,
    crops: Crops,
    rows: Int[Tensor, " B"],
    turns: Float[Tensor, "B n"],
    codes: Float[Tensor, "B n Z"],
) -> Tensor:
    """L_vp: cross-entropy of the pixels of views from above, turned as the codes were."""
    labels = crops.top_down[rows].to(torch.float32) / 255
    labels = turn_images(labels.repeat_interleave(turns.shape[1], 0), turns.flatten())
    logits = visual.view_decoder(codes.flatten(0, 1))
    return functional.binary_cross_entropy_with_logits(logits, labels.clamp(0, 1))


def random_turns(count: int, turns: int, generator: torch.Generator) -> Float[Tensor, "B n"]:
    """Uniform over the circle."""
    return torch.rand(count, turns, generator=generator) * (2 * math.pi)


def angles(batch: Batch) -> Float[Tensor, "B n 2"]:
    """What tells the orientation to models that do not look."""
    return Angle(torch.zeros(len(batch.yaws))).at(batch.yaws)
