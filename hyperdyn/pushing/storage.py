"""Pushing models on disk. Models of one study share their map network and detector, kept once.

A study is a folder of models beside the folder `visual` of the encoder they began with: a model's
own folder holds the rest, its shape encoder too, which is trained on with the predictor.
"""

from dataclasses import replace
from pathlib import Path

import torch

from hyperdyn import assets
from hyperdyn.errors import CheckpointError, require_known
from hyperdyn.perception import VisualEncoder
from hyperdyn.pushing.config import PushingConfig
from hyperdyn.pushing.generator import PushingGenerator
from hyperdyn.pushing.visual_storage import load_visual_encoder
from hyperdyn.storage import (
    from_config,
    is_written,
    read_folder,
    read_header,
    to_config,
    write_folder,
)

KIND = "pusher"
VISUAL = "visual"
_SHARED_PARTS = ("image_encoder.", "map_network.", "detector.")
_SHARED = tuple(f"visual.{part}" for part in _SHARED_PARTS)


def save_pusher(model: PushingGenerator, folder: str | Path) -> None:
    """Write a model beside the visual encoder of its study, in one step.

    Raises:
        CheckpointError: If it cannot be written, or there is no visual encoder beside it.
    """
    folder = Path(folder)
    own = {k: v for k, v in model.state_dict().items() if not k.startswith(_SHARED)}
    config = {
        "model": to_config(model.config),
        "shape_dim": model.visual.config.code_dim,
        "visual": _digest(folder),
    }
    write_folder(folder, KIND, config, own)


def pusher_folder(name: str | Path) -> Path:
    """Find the folder of a pushing model.

    Args:
        name: As `load_pusher`.

    Raises:
        UnknownNameError: If it is neither a folder nor a packaged name; lists the packaged names.
    """
    folder, known = Path(name), str(name) in assets.pusher_names()
    if folder.is_dir() and (is_written(folder) or not known):
        return folder
    require_known("pushing model or folder", str(name), assets.pusher_names())
    return assets.pusher(str(name))


def load_pusher(name: str | Path) -> PushingGenerator:
    """Read what `save_pusher` wrote, bit for bit.

    Args:
        name: A model's folder, or the name of a packaged model (`assets.pusher_names()`), which a
            folder of that name without a model does not hide.

    Raises:
        UnknownNameError: If it is neither; lists the packaged names.
        CheckpointError: If it is damaged, holds something else, or the visual encoder beside it is
            missing or another.
    """
    folder = pusher_folder(name)
    config, tensors = read_folder(folder, KIND)
    if config["visual"] != _digest(folder):
        raise CheckpointError(
            f"{folder} was made with another visual encoder than the one in {folder.parent}. Keep "
            "a study's models and its visual encoder together."
        )
    visual = load_visual_encoder(folder.parent / VISUAL)
    if config["shape_dim"] != visual.config.code_dim:
        visual = with_fresh_shapes(visual, config["shape_dim"], generator=torch.Generator())
    model = PushingGenerator(
        from_config(PushingConfig, config["model"]), visual, generator=torch.Generator()
    )
    missing, unexpected = [], []
    try:
        missing, unexpected = model.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"The tensors in {folder} do not fit its sizes: {error}") from error
    missing = [key for key in missing if not key.startswith(_SHARED)]
    if missing or unexpected:
        raise CheckpointError(f"{folder} lacks {missing} and has {unexpected}; copy it again.")
    return model.eval()


def with_fresh_shapes(
    visual: VisualEncoder, code_dim: int, *, generator: torch.Generator
) -> VisualEncoder:
    """The same map and detector, with an untrained shape encoder and decoder.

    Args:
        visual: What to take map and detector from.
        code_dim: Width of the new codes.
        generator: Source of the first weights.
    """
    fresh = VisualEncoder(replace(visual.config, code_dim=code_dim), generator=generator)
    shared = {
        name: value for name, value in visual.state_dict().items() if name.startswith(_SHARED_PARTS)
    }
    fresh.load_state_dict(shared, strict=False)
    return fresh


def _digest(folder: Path) -> str:
    return str(read_header(folder.parent / VISUAL)["sha256"])
