"""A study: its visual encoder, the crops of its pictures, and models trained side by side."""

from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tqdm import tqdm

from hyperdyn.errors import InputError
from hyperdyn.pushing import load_visual_encoder, save_visual_encoder
from hyperdyn.storage import is_written
from hyperdyn.training.processes import processes
from hyperdyn.training.pushing.crops import Cut, cache_crops, read_crops
from hyperdyn.training.pushing.dataset import PushingDataset
from hyperdyn.training.pushing.push_configs import pusher_preset
from hyperdyn.training.pushing.push_data import PushData
from hyperdyn.training.pushing.push_training import total_steps, train_push

HELD_OUT = 2
"""Last shards of the pushes, which no model is trained on."""


@dataclass(frozen=True, kw_only=True)
class PushJob:
    """One model to train."""

    name: str
    """A name in `push_configs.PUSHERS`."""
    seed: int

    @property
    def folder(self) -> str:
        """Of the model, in its study."""
        return f"{self.name}-{self.seed}"


def open_study(study: Path, visual: Path | None) -> None:
    """Begin a study with a visual encoder, or find the one begun.

    Raises:
        InputError: If there is no visual encoder, or another than the one given.
        CheckpointError: If it cannot be read or written.
    """
    own = study / "visual"
    if visual is None:
        if not is_written(own):
            raise InputError(
                f"{study} has no visual encoder. Give --visual FOLDER, from `hyperdyn train "
                "perception`."
            )
        return
    given = load_visual_encoder(visual)
    if is_written(own):
        ours = load_visual_encoder(own).state_dict()
        if any(not torch.equal(ours[name], value) for name, value in given.state_dict().items()):
            raise InputError(f"{study} was begun with another visual encoder than {visual}.")
        return
    study.mkdir(parents=True, exist_ok=True)
    save_visual_encoder(given, own)


def run_jobs(
    jobs: Sequence[PushJob],
    study: Path,
    pushes: Path,
    shapes: Path,
    scenes: int,
    *,
    workers: int,
) -> None:
    """Cut the crops that are missing, then train the models that are missing.

    Raises:
        HyperdynError: If data are damaged, or a folder holds something else.
    """
    training, seen = _training_shards(PushingDataset(pushes)), _seen_shards(shapes, scenes)
    missing = [job for job in jobs if not is_written(study / job.folder)]
    if not missing:
        return
    wanted = tuple({pusher_preset(job.name).model.cropping for job in missing})
    parts = [
        (folder, shard, wanted)
        for folder, shards in ((pushes, training), (shapes, seen))
        for shard in shards
    ]
    with processes(workers) as pool:
        cuts = [pool.submit(_cut, study, *part) for part in parts]
        for cut in tqdm(as_completed(cuts), total=len(cuts), desc="crops", unit="shard"):
            cut.result()
        fits = [pool.submit(_fit, job, study, pushes, training, shapes, seen) for job in missing]
        for fit in tqdm(as_completed(fits), total=len(fits), desc="models", unit="model"):
            fit.result()


def _training_shards(dataset: PushingDataset) -> tuple[int, ...]:
    if len(dataset.shards) <= HELD_OUT:
        raise InputError(
            f"{dataset.folder} holds {len(dataset.shards)} shards, of which {HELD_OUT} are held "
            "out; collect more."
        )
    return dataset.shards[:-HELD_OUT]


def _seen_shards(shapes: Path, scenes: int) -> tuple[int, ...]:
    dataset = PushingDataset(shapes)
    return dataset.shards[: -(-scenes // dataset.config.shard_episodes)]


def _crops(study: Path, folder: Path, cropping: bool) -> Path:
    kind = PushingDataset(folder).config.kind
    return study / "crops" / (kind if cropping else f"{kind}-whole")


def _cut(study: Path, folder: Path, shard: int, wanted: tuple[bool, ...]) -> None:
    visual, dataset = load_visual_encoder(study / "visual"), PushingDataset(folder)
    cuts = {_crops(study, folder, cropping): Cut(cropping=cropping) for cropping in wanted}
    cache_crops(visual, dataset, cuts, shards=(shard,))


def _fit(
    job: PushJob,
    study: Path,
    pushes: Path,
    training: tuple[int, ...],
    shapes: Path,
    seen: tuple[int, ...],
) -> None:
    config = replace(pusher_preset(job.name), seed=job.seed)
    cropping = config.model.cropping
    data = PushData.read(PushingDataset(pushes), _crops(study, pushes, cropping), training)
    scenes = read_crops(_crops(study, shapes, cropping), seen)
    with tqdm(total=total_steps(config), desc=job.folder, unit="step") as bar:
        train_push(config, study, job.folder, data, scenes, resume=True, on_step=bar.update)
