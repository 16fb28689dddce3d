"""Colours that show what is hidden, in pictures."""

import mujoco
import numpy as np
from jaxtyping import Float


def paint(body: mujoco.MjsBody, colour: Float[np.ndarray, " 3"]) -> None:
    """Give a part of the robot a colour (red, green, blue) of its own."""
    for geom in body.geoms:
        geom.rgba[:3] = colour
