"""Visual encoders on disk: sizes and weights in one checked folder."""

from pathlib import Path

import torch

from hyperdyn.errors import CheckpointError
from hyperdyn.perception import PerceptionError, VisualConfig, VisualEncoder
from hyperdyn.storage import from_config, read_folder, to_config, write_folder

KIND = "visual-encoder"


def save_visual_encoder(encoder: VisualEncoder, folder: str | Path) -> None:
    """Write sizes and weights in one step.

    Raises:
        CheckpointError: If it cannot be written.
    """
    write_folder(folder, KIND, to_config(encoder.config), encoder.state_dict())


def load_visual_encoder(folder: str | Path) -> VisualEncoder:
    """Read what `save_visual_encoder` wrote, bit for bit.

    Raises:
        CheckpointError: If it is missing, damaged, or holds something else.
    """
    config, tensors = read_folder(folder, KIND)
    try:
        encoder = VisualEncoder(from_config(VisualConfig, config), generator=torch.Generator())
        encoder.load_state_dict(tensors)
    except (PerceptionError, RuntimeError) as error:
        raise CheckpointError(
            f"{folder} does not describe a visual encoder of this release ({error}). Use the "
            "release that wrote it, or train anew."
        ) from error
    return encoder.eval()
