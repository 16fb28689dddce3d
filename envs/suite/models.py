"""The bodies' models, from the files of dm_control; none of its code is run."""

import functools
import importlib.util
from pathlib import Path

import mujoco

from hyperdyn.envs._checks import MOST_HEIGHT, MOST_WIDTH
from hyperdyn.errors import HyperdynError

SKY_PIXELS = 64


def read_model(name: str) -> mujoco.MjSpec:
    """A body of the DeepMind Control Suite (Tunyasuvunakool et al., 2020), to be changed.

    Only its description is read, so that neither dm_control's choice of an OpenGL nor the MuJoCo
    versions it works with matter.

    Args:
        name: "cheetah", "walker" or "finger".

    Raises:
        HyperdynError: If dm_control is not installed; the text says how to get it.
    """
    spec = mujoco.MjSpec.from_file(str(_folder() / f"{name}.xml"))
    sky = spec.texture("skybox")  # as it is it takes 0.2 s to compile
    sky.width = sky.height = SKY_PIXELS
    sky.mark = mujoco.mjtMark.mjMARK_NONE
    spec.visual.global_.offwidth, spec.visual.global_.offheight = MOST_WIDTH, MOST_HEIGHT
    return spec


@functools.cache
def _folder() -> Path:
    found = importlib.util.find_spec("dm_control")
    if found is None or not found.submodule_search_locations:
        raise HyperdynError(
            "The control suite needs dm_control: pip install 'hyperdyn-toolkit[suite]'."
        )
    return Path(found.submodule_search_locations[0]) / "suite"
