"""The contact sheet: every object drawn from the same point of view, at the same scale."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hyperdyn.assets.objects.push_object import PushObject
from hyperdyn.assets.objects.raster import cover
from hyperdyn.assets.objects.splits import TEST_IDS
from hyperdyn.errors import HyperdynError

ELEVATION, AZIMUTH = np.radians(38.0), np.radians(-120.0)  # where the camera stands
LIGHT = np.array([-0.72, -0.22, 0.66])
SPAN = 0.15  # m across a picture
SAMPLES = 2  # squared: samples to a pixel
COLUMNS = 8
COLOURS = {
    "mit": (0.55, 0.62, 0.70),
    "camera": (0.45, 0.45, 0.50),
    "mug": (0.80, 0.52, 0.36),
    "bowl": (0.43, 0.64, 0.55),
    "bed": (0.72, 0.60, 0.42),
}
OWN = (0.60, 0.50, 0.68)  # the colour of a user's own


def picture(item: PushObject, pixels: int = 160, span: float = SPAN) -> Float[np.ndarray, "h w 3"]:
    """Draw one object: parallel projection, one light, white ground.

    Args:
        item: What to draw.
        pixels: Height and width.
        span: Metres across the picture.

    Returns:
        Colours from 0 to 1.
    """
    sight, across, up = _axes()
    points = item.mesh.vertices - [0.0, 0.0, item.height / 2]
    fine = pixels * SAMPLES
    corners = np.stack((points @ across, -points @ up), axis=1) / span + 0.5
    faces = np.asarray(item.mesh.faces)
    seen = cover((corners * fine)[faces], fine, fine)
    depth = ((points @ sight)[faces][seen.triangle] * seen.weights).sum(axis=1)

    nearest = np.argsort(depth)  # what is drawn last stays: that nearest to the camera
    image = np.ones((fine, fine, 3))
    normals = np.asarray(item.mesh.face_normals)
    bright = 0.45 + 0.55 * np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0.0, 1.0)
    colours = bright[:, None] * np.array(COLOURS.get(item.family, OWN))
    image[seen.row[nearest], seen.column[nearest]] = colours[seen.triangle[nearest]]
    return np.asarray(image.reshape(pixels, SAMPLES, pixels, SAMPLES, 3).mean(axis=(1, 3)))


def draw_sheet(file: Path, items: Sequence[PushObject]) -> None:
    """Write a picture of objects with their names, sizes and split.

    Args:
        file: Picture to write, PNG.
        items: Objects, in the order of the sheet.

    Raises:
        HyperdynError: If matplotlib is not installed; names the extra.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise HyperdynError(
            "The sheet needs matplotlib: pip install 'hyperdyn-toolkit[view]'."
        ) from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(COLUMNS, len(items))
    rows = -(-len(items) // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(1.6 * columns, 1.85 * rows), squeeze=False, layout="constrained"
    )
    for place in axes.flat:
        place.axis("off")
    for place, item in zip(axes.flat, items, strict=False):
        place.imshow(picture(item, span=max(SPAN, 2.2 * item.radius)))
        test = item.id in TEST_IDS
        place.set_title(
            f"{item.id}\n{100 * item.size:.1f} cm{', test' if test else ''}",
            fontsize=8,
            color="tab:red" if test else "black",
        )
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def _axes() -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Directions towards the camera, to the right and up in the picture."""
    sight = np.array(
        [
            np.cos(ELEVATION) * np.cos(AZIMUTH),
            np.cos(ELEVATION) * np.sin(AZIMUTH),
            np.sin(ELEVATION),
        ]
    )
    across = np.array([-np.sin(AZIMUTH), np.cos(AZIMUTH), 0.0])
    return sight, across, np.cross(sight, across)
