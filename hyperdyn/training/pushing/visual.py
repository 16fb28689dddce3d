"""Training of E_vis, the visual encoder, on L_det + L_vp (paper, section 3.1 and A.1).

A run folder holds

* `run.json`: the configuration, and the versions it ran with;
* `checkpoint`: model, optimiser and progress, rewritten at most every 20 seconds;
* `visual-encoder`: the result, once the run is through, which `load_visual_encoder` reads;
* `metrics.jsonl` and `tensorboard`.

Which pictures a batch holds and how they are disturbed follows from the seed and the batch's number
alone. So a run that was stopped at any moment and resumed ends with the same weights, bit for bit.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from hyperdyn.errors import HyperdynError, InputError
from hyperdyn.perception import VisualEncoder, VisualLosses
from hyperdyn.pushing.visual_storage import save_visual_encoder
from hyperdyn.storage import is_written
from hyperdyn.threads import intra_op_threads
from hyperdyn.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from hyperdyn.training.denormals import denormals_flushed
from hyperdyn.training.gradients import clip_gradients
from hyperdyn.training.metrics import Metrics
from hyperdyn.training.pushing.dataset import PushingDataset
from hyperdyn.training.pushing.visual_batches import (
    BatchStream,
    disturbed,
    require_matching_view,
    targets_of,
    views_of,
)
from hyperdyn.training.pushing.visual_configs import VisualTrainConfig
from hyperdyn.training.run_folder import open_run
from hyperdyn.training.seeds import torch_generator

RESULT = "visual-encoder"
CHECKPOINT_SECONDS = 20.0
KINDS = ("pushes", "scenes")
_DISTURB = len(KINDS)  # of the streams of random numbers, the first two order the batches
_VALIDATION_BATCHES = 8  # of either kind


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What is trained on: the collections, and which of their shards."""

    datasets: tuple[PushingDataset, PushingDataset]
    """Pushed objects and scenes."""
    training: tuple[tuple[int, ...], tuple[int, ...]]
    """Shards of either to train on."""
    validation: tuple[tuple[int, ...], tuple[int, ...]]
    """Shards of either that are kept out."""


def train_visual(
    config: VisualTrainConfig, pushes: Path, scenes: Path, out: Path, *, resume: bool = False
) -> VisualEncoder:
    """Run or resume a training run.

    Args:
        config: What to run.
        pushes: Collection of pushes with images.
        scenes: Collection of scenes.
        out: Run folder.
        resume: Continue the run in `out`; without it `out` must not exist or be empty.

    Raises:
        CheckpointError: If `out` holds a run and `resume` is false, holds another configuration or
            version, or cannot be written; or if a collection cannot be read.
        InputError: If a collection has no images, too few shards, or another kind of picture.
        HyperdynError: If the loss or its gradient is not finite; the last checkpoint is kept.
    """
    require_matching_view(config)
    pictures = _pictures(config, pushes, scenes)
    streams = [
        BatchStream(dataset, shards, config.batch, config.seed, stream)
        for stream, (dataset, shards) in enumerate(
            zip(pictures.datasets, pictures.training, strict=True)
        )
    ]
    open_run(config, out, resume=resume)
    with intra_op_threads(1):  # sums in another order would give other last bits
        return _run(config, pictures, streams, out)


@denormals_flushed()
def _run(
    config: VisualTrainConfig, pictures: Pictures, streams: list[BatchStream], out: Path
) -> VisualEncoder:
    model = VisualEncoder(config.encoder, generator=torch_generator(config.seed, "model"))
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    progress = Progress()
    checkpoint = out / "checkpoint"
    if is_written(checkpoint):
        progress = load_checkpoint(checkpoint, model, optimiser)
    metrics = Metrics(out, progress.iteration)
    saved_at = time.monotonic()
    try:
        with tqdm(
            total=config.updates * config.batch,
            initial=progress.updates * config.batch,
            desc="frames",
            unit="frame",
        ) as bar:
            while progress.updates < config.updates:
                row = _stretch(config, streams, model, optimiser, progress, bar)
                if progress.updates == config.updates:
                    row |= _validate(config, pictures, model)
                metrics.write(progress.iteration, row)
                progress.iteration += 1
                if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                    save_checkpoint(checkpoint, model, optimiser, progress)
                    saved_at = time.monotonic()
        save_checkpoint(checkpoint, model, optimiser, progress)
    finally:
        metrics.close()
    save_visual_encoder(model, out / RESULT)
    return model.eval()


def _stretch(
    config: VisualTrainConfig,
    streams: list[BatchStream],
    model: VisualEncoder,
    optimiser: torch.optim.Adam,
    progress: Progress,
    bar: "tqdm[None]",
) -> dict[str, float]:
    """The batches up to the next line of metrics."""
    start, first = time.perf_counter(), progress.updates
    last = min(first - first % config.report_every + config.report_every, config.updates)
    sums: dict[str, list[float]] = {}
    for update in range(first, last):
        turn = math.pi * update / config.updates
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * (0.5 + 0.5 * math.cos(turn))
        kind = update % len(KINDS)
        images = streams[kind].batch(update // len(KINDS))
        generator = torch_generator(config.seed, "batches", _DISTURB, update)
        views = disturbed(views_of(images), config, generator)
        detect = config.scenes_detect or KINDS[kind] == "pushes"
        targets = targets_of(images, config.encoder.view_size, detect=detect)
        losses = model.losses(model(views), targets, generator=generator)
        optimiser.zero_grad()
        losses.total.backward()
        if not math.isfinite(clip_gradients(model.parameters(), config.clip)):
            raise HyperdynError(
                f"The loss or its gradient is not finite in update {update + 1}. What was trained "
                "until the last checkpoint is kept; begin a new run with a lower learning_rate."
            )
        optimiser.step()
        _note(sums, kind, losses)
        bar.update(config.batch)
    progress.updates = last
    row = {name: sum(values) / len(values) for name, values in sums.items()}
    told = ", ".join(f"{name} {value:.3f}" for name, value in row.items())
    bar.set_postfix_str(told, refresh=False)
    seconds = time.perf_counter() - start
    return {
        **row,
        "learning_rate": optimiser.param_groups[0]["lr"],
        "frames": last * config.batch,
        "frames_per_second": (last - first) * config.batch / seconds,
    }


def _note(sums: dict[str, list[float]], kind: int, losses: VisualLosses) -> None:
    for name, value in zip(("detection", "view"), losses, strict=True):
        sums.setdefault(f"{KINDS[kind]}_{name}", []).append(float(value.detach()))


@torch.no_grad()
def _validate(
    config: VisualTrainConfig, pictures: Pictures, model: VisualEncoder
) -> dict[str, float]:
    """The losses on pictures kept out, neither disturbed nor turned."""
    sums: dict[str, list[float]] = {}
    for kind, (dataset, shards) in enumerate(
        zip(pictures.datasets, pictures.validation, strict=True)
    ):
        images = dataset.read_images(shards[0])
        for first in range(0, len(images), config.batch)[:_VALIDATION_BATCHES]:
            part = images[range(first, min(first + config.batch, len(images)))]
            scene = model(views_of(part))
            _note(sums, kind, model.losses(scene, targets_of(part, config.encoder.view_size)))
    return {f"validation_{name}": sum(values) / len(values) for name, values in sums.items()}


def _pictures(config: VisualTrainConfig, pushes: Path, scenes: Path) -> Pictures:
    datasets = (PushingDataset(pushes), PushingDataset(scenes))
    for dataset, kind in zip(datasets, ("push", "shapes"), strict=True):
        if dataset.config.kind != kind or not dataset.has_images:
            raise InputError(
                f"{dataset.folder} holds a collection of kind {dataset.config.kind!r} "
                f"{'with' if dataset.has_images else 'without'} images; one of {kind!r} with "
                "images is wanted (`hyperdyn collect push --images`, or `--shapes` for scenes)."
            )
        if len(dataset.shards) < dataset.config.num_shards:
            raise InputError(
                f"{dataset.folder} has {len(dataset.shards)} of {dataset.config.num_shards} shards;"
                " finish collecting with the command that began it, so that the run is the same "
                "however often it is resumed."
            )
        if len(dataset.shards) <= config.held_out:
            raise InputError(
                f"{dataset.folder} has {len(dataset.shards)} shards, of which {config.held_out} "
                "are kept for validation; collect more, or keep fewer."
            )
    cut = -config.held_out
    first, second = (dataset.shards for dataset in datasets)
    return Pictures(
        datasets=datasets,
        training=(first[:cut], second[:cut]),
        validation=(first[cut:], second[cut:]),
    )
