"""The part of a scene's map that a shape code is made of."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hyperdyn.errors import InputError
from hyperdyn.perception import VisualEncoder, crop


def map_part(
    visual: VisualEncoder,
    scene: Float[Tensor, "B C Z Y X"],
    boxes: Float[Tensor, "B 6"],
    *,
    cropping: bool,
) -> Float[Tensor, "B C z y x"]:
    """What surrounds an object in each scene.

    Args:
        visual: Whose maps they are.
        scene: The maps.
        boxes: Of the objects: centre and size, m.
        cropping: False gives the whole table instead, coarser, in as many voxels, and turned about
            its own centre: HyperDynamics' ablation without cropping (table 4).

    Raises:
        InputError: If the map is not a whole number of crops wide.
    """
    spec, volume = visual.config.crop, visual.config.volume
    if cropping:
        return crop(scene, volume, boxes[:, None, :3], spec)[:, 0]
    heights, rows, columns = spec.shape
    coarser = volume.shape[1] // rows
    if volume.shape != (heights, coarser * rows, coarser * columns):
        raise InputError(
            f"A map of {volume.shape} voxels does not shrink to {spec.shape}; without cropping it "
            "must have as many heights, and a multiple of the crop's rows and columns."
        )
    pooled: Tensor = functional.avg_pool2d(scene.flatten(1, 2), coarser)
    return pooled.reshape(len(scene), -1, heights, rows, columns)


def features_of(
    visual: VisualEncoder, parts: Float[Tensor, "B C z y x"]
) -> Float[Tensor, "B F y x"]:
    """What codes are made of, heights mixed."""
    features: Tensor = visual.shape_encoder.mix(parts.to(torch.float32))
    return features
