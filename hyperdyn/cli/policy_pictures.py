"""Pictures of `hyperdyn demo policies`: strips of moments, and films side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperdyn.cli.videos import write_video
from hyperdyn.errors import HyperdynError

if TYPE_CHECKING:
    import numpy as np

    from hyperdyn.training.policies.films import Film

WIDTH = 0.55
"""Share of a picture's width that a strip keeps, about its middle."""


def require_pictures() -> None:
    """Refuse to begin where pictures cannot be written.

    Raises:
        HyperdynError: Saying what to install.
    """
    try:
        import imageio  # noqa: F401
        import PIL  # noqa: F401
    except ImportError as error:
        raise HyperdynError(
            "Pictures need imageio; install the extra: pip install 'hyperdyn-toolkit[view]'."
        ) from error


def strip(file: Path, rows: "Sequence[Sequence[np.ndarray]]", labels: Sequence[str]) -> None:
    """Write a picture of rows of moments, each row with a label.

    Args:
        file: Where to.
        rows: Pictures of one size, as many in each row.
        labels: One a row.
    """
    import imageio
    import numpy as np

    stacked = []
    for pictures, label in zip(rows, labels, strict=True):
        row = np.concatenate([_middle(picture) for picture in pictures], axis=1)
        stacked.append(_labelled(row, label))
    imageio.imwrite(file, np.concatenate(stacked))


def write_side_by_side(file: Path, films: "Mapping[str, Film]", fps: float) -> None:
    """Write a moving picture of several films at once, each with its name and return so far."""
    import numpy as np

    frames = [
        np.concatenate(
            [
                _labelled(made.pictures[index], f"{name}   return {made.returns[index]:.1f}")
                for name, made in films.items()
            ],
            axis=1,
        )
        for index in range(min(len(made.pictures) for made in films.values()))
    ]
    write_video(file, frames, fps)


def _middle(picture: "np.ndarray") -> "np.ndarray":
    width = picture.shape[1]
    margin = round(width * (1 - WIDTH) / 2)
    return picture[:, margin : width - margin]


def _labelled(picture: "np.ndarray", text: str) -> "np.ndarray":
    import numpy as np
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text(
        (8, 6), text, fill="black", font_size=18, stroke_width=2, stroke_fill="white"
    )
    return np.asarray(image)
