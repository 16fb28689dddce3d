"""What all ground is made of: boxes with one look, of a surface that suits the robot."""

import dataclasses

import mujoco
import numpy as np
from numpy.typing import ArrayLike

FLAT_LENGTH = 100.0
THICKNESS = 1.0
FLAT_COLOUR = np.array([0.47, 0.62, 0.60])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surface:
    """How a robot's ground touches: MuJoCo's contact parameters, and how wide it is.

    Attributes:
        friction: Sliding, torsional and rolling coefficients.
        solimp: Impedance of a contact.
        half_width: Of the ground in y, m.
    """

    friction: tuple[float, float, float]
    solimp: tuple[float, float, float, float, float]
    half_width: float


def add_material(spec: mujoco.MjSpec) -> None:
    """Add the material "ground", with edges drawn every so often so that speed can be seen."""
    spec.add_texture(
        name="ground",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        width=256,
        height=256,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        mark=mujoco.mjtMark.mjMARK_EDGE,
        rgb1=[1, 1, 1],
        rgb2=[1, 1, 1],
        markrgb=[0.62, 0.62, 0.62],
    )
    material = spec.add_material(name="ground", texrepeat=[4, 4], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "ground"


def add_box(
    body: mujoco.MjsBody,
    surface: Surface,
    *,
    name: str,
    size: ArrayLike,
    pos: ArrayLike,
    colour: ArrayLike,
    quat: ArrayLike = (1.0, 0.0, 0.0, 0.0),
) -> mujoco.MjsGeom:
    """Add a box that robots stand on; boxes do not touch each other."""
    return body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=size,
        pos=pos,
        quat=quat,
        contype=0,
        conaffinity=1,
        condim=3,
        friction=surface.friction,
        solref=[0.02, 1],
        solimp=surface.solimp,
        material="ground",
        rgba=np.append(colour, 1.0),
    )


def add_flat(spec: mujoco.MjSpec, surface: Surface) -> None:
    """Add flat ground, its top at z = 0."""
    add_material(spec)
    add_box(
        spec.worldbody,
        surface,
        name="ground0",
        size=[FLAT_LENGTH, surface.half_width, THICKNESS / 2],
        pos=[0.0, 0.0, -THICKNESS / 2],
        colour=FLAT_COLOUR,
    )
