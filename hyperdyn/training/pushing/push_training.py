"""Training a pushing model on recorded episodes: first with its shape codes, then alone.

1. Jointly (`joint_steps`): the shape encoder and the predictor on L_pred + L_vp. Every second batch
   is shape-only and trains L_vp alone (paper, appendix A.1). Map and detector stay as they are.
2. Codes of all episodes are worked out once.
3. Alone (`steps`): the predictor on those codes.

Models that do not look have the third part only.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.perception import VisualEncoder, YawRing
from hyperdyn.pushing import (
    PushingGenerator,
    load_visual_encoder,
    save_pusher,
    with_fresh_shapes,
)
from hyperdyn.pushing.own_network import Experts
from hyperdyn.pushing.retrieval import at_yaw_zero
from hyperdyn.pushing.state import STATE_SPACE, centred
from hyperdyn.training.pushing.crops import Crops
from hyperdyn.training.pushing.push_configs import PushTrainConfig
from hyperdyn.training.pushing.push_data import Pairs, PushData
from hyperdyn.training.pushing.push_losses import (
    angles,
    codes_of,
    make_batch,
    prediction_loss,
    random_turns,
    shape_codes,
    view_loss,
)
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.stepped_run import SteppedRun

JOINT, ALONE = 0, 1
REFERENCE_PICTURES = 40
"""Of each training object, to tell what it looks like."""
SHAPE_TURNS = 2
"""Turns of each crop of a shape-only batch."""
_CODES_AT_ONCE = 256


def train_push(
    config: PushTrainConfig,
    study: Path,
    name: str,
    data: PushData,
    shapes: Crops,
    *,
    resume: bool = False,
    on_step: Callable[[int], object] = lambda count: None,
) -> PushingGenerator:
    """Train a model and write it beside its study's visual encoder.

    Args:
        config: The run.
        study: Folder with `visual`; the model is written to `study / name`, its log to
            `study / name.run`.
        name: Of the model.
        data: Training episodes and their crops.
        shapes: Crops of shape-only scenes.
        resume: Go on with a run that was stopped, to the weights it would have had.
        on_step: Told how many optimiser steps were made.

    Raises:
        CheckpointError: If there is no visual encoder, or the run's folder is of another run.
        InputError: If the run asks for shape codes of a width that the study's encoder has not.
    """
    visual = _visual(config, load_visual_encoder(study / "visual"))
    weights = torch_generator(config.seed, "model", 1)
    model = PushingGenerator(config.model, visual, generator=weights).train()
    pairs = data.pairs()
    _fit_normaliser(model, data, pairs)
    run = SteppedRun(config, study / f"{name}.run", model, resume=resume)
    if model.predictor.looks:
        loss = _joint_loss(config, model, data, pairs, shapes)
        run.steps(JOINT, config.joint_steps, config.joint_rate, loss, on_step)
    visual.requires_grad_(False)
    loss = _alone_loss(config, model, data, pairs)
    run.steps(ALONE, config.steps, config.learning_rate, loss, on_step)
    if isinstance(model.predictor, Experts):
        model.references.copy_(_references(model, data))
    save_pusher(model.eval(), study / name)
    run.finish()
    return model


def total_steps(config: PushTrainConfig) -> int:
    """Optimiser steps of a run."""
    looks = config.model.predictor_type.looks
    return config.steps + (config.joint_steps if looks else 0)


def _visual(config: PushTrainConfig, trained: VisualEncoder) -> VisualEncoder:
    """The study's encoder; its shape encoder anew where the run asks for another."""
    if not config.fresh_shapes:
        if config.shape_dim != trained.config.code_dim:
            raise InputError(
                f"The study's shape codes are {trained.config.code_dim} wide; for codes of "
                f"{config.shape_dim} its encoder must begin anew: set fresh_shapes."
            )
        return trained
    weights = torch_generator(config.seed, "model", 2)
    return with_fresh_shapes(trained, config.shape_dim, generator=weights)


def _fit_normaliser(model: PushingGenerator, data: PushData, pairs: Pairs) -> None:
    episodes, rows = data.episodes[pairs.predicted], pairs.predicted
    happened = torch.arange(episodes.actions.shape[1]) < data.episodes.lengths[rows, None]
    before, after = episodes.states[:, :-1][happened], episodes.states[:, 1:][happened]
    model.normaliser.fit(
        centred(before), episodes.actions[happened], STATE_SPACE.difference(before, after)
    )


def _joint_loss(
    config: PushTrainConfig, model: PushingGenerator, data: PushData, pairs: Pairs, shapes: Crops
) -> Callable[[int], Tensor]:
    visual = model.visual
    for part in (visual.image_encoder, visual.map_network, visual.detector):
        part.requires_grad_(False)

    def loss(step: int) -> Tensor:
        generator = torch_generator(config.seed, "batches", JOINT, step)
        if step % 2 and config.view_loss:
            rows = torch.randint(len(shapes), (config.joint_systems,), generator=generator)
            turns = random_turns(len(rows), SHAPE_TURNS, generator)
            codes = shape_codes(visual, shapes, rows, turns)
            return view_loss(visual, shapes, rows, turns, codes)
        chosen = pairs[torch.randint(len(pairs), (config.joint_systems,), generator=generator)]
        batch = make_batch(model, data, chosen)
        codes = codes_of(model, data.crops, chosen.predicted, batch)
        total = prediction_loss(model, batch, codes)
        if config.view_loss:
            # As the object lies at the last push: any turn, and a fifth of the decoding.
            last = (batch.turns[:, -1:], codes[:, -1:])
            total = total + view_loss(visual, data.crops, chosen.predicted, *last)
        return total

    return loss


def _alone_loss(
    config: PushTrainConfig, model: PushingGenerator, data: PushData, pairs: Pairs
) -> Callable[[int], Tensor]:
    codes: Tensor | None = None  # worked out at the first step, when the shape encoder is done

    def loss(step: int) -> Tensor:
        nonlocal codes
        if codes is None and model.predictor.looks:
            codes = _all_codes(model, data, pairs)
        generator = torch_generator(config.seed, "batches", ALONE, step)
        chosen = torch.randint(len(pairs), (config.systems,), generator=generator)
        batch = make_batch(model, data, pairs[chosen])
        return prediction_loss(model, batch, angles(batch) if codes is None else codes[chosen])

    return loss


@torch.no_grad()
def _all_codes(model: PushingGenerator, data: PushData, pairs: Pairs) -> Float[Tensor, "B _ Z"]:
    """Shape codes at every push of every pair, from the picture of the episode predicted."""
    found = []
    for rows in torch.arange(len(pairs)).split(_CODES_AT_ONCE):
        batch = make_batch(model, data, pairs[rows])
        found.append(codes_of(model, data.crops, pairs.predicted[rows], batch))
    return torch.cat(found)


@torch.no_grad()
def _references(model: PushingGenerator, data: PushData) -> Float[Tensor, "O R Z"]:
    """What the training objects look like: the mean over some pictures of each, from yaw 0."""
    rings = []
    for number in range(model.config.experts):
        rows = (data.episodes.objects == number).nonzero()[:REFERENCE_PICTURES, 0]
        turns = YawRing.turns(model.config.ring).expand(len(rows), -1)
        ring = YawRing(shape_codes(model.visual, data.crops, rows, turns))
        rings.append(at_yaw_zero(ring, data.yaws[rows, 0]).codes.mean(0))
    return torch.stack(rings)
