"""The 31 packaged objects by id, built when first asked for and kept."""

import functools
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hyperdyn.assets.objects.beds import BEDS
from hyperdyn.assets.objects.bowls import BOWLS
from hyperdyn.assets.objects.cameras import CAMERAS
from hyperdyn.assets.objects.mit import PLATES
from hyperdyn.assets.objects.mugs import MUGS
from hyperdyn.assets.objects.push_object import PushObject
from hyperdyn.assets.objects.solids import (
    Piece,
    as_mesh,
    hull,
    require_push,
    union,
    without_slivers,
)
from hyperdyn.errors import require_known


@runtime_checkable
class Design(Protocol):
    """Dimensions of an object that is the union of convex pieces."""

    def pieces(self) -> list[Piece]:
        """Corners of the convex pieces, metres, standing on the table z = 0."""
        ...


@dataclass(frozen=True, kw_only=True)
class ObjectSpec:
    """An object before it is built.

    Attributes:
        id: Its name.
        family: "mit", "camera", "mug", "bowl" or "bed".
        design: Its dimensions.
    """

    id: str
    family: str
    design: Design


def _specs() -> dict[str, ObjectSpec]:
    designs: dict[str, Design] = {**PLATES, **CAMERAS, **MUGS, **BOWLS, **BEDS}
    return {
        name: ObjectSpec(id=name, family=name.split("-")[0], design=design)
        for name, design in designs.items()
    }


OBJECTS: dict[str, ObjectSpec] = _specs()


@functools.cache
def load_object(name: str) -> PushObject:
    """Build a packaged object; the same one is returned the next time.

    Args:
        name: A key of `OBJECTS`, such as "mug-2".

    Raises:
        UnknownNameError: If there is no such object; the text lists those there are.
        HyperdynError: If trimesh or manifold3d is not installed; names the extra.
    """
    require_known("object", name, OBJECTS)
    spec = OBJECTS[name]
    return build(name, spec.family, spec.design)


def build(name: str, family: str, design: Design) -> PushObject:
    """Make an object of a design of your own.

    Args:
        name: What to call it.
        family: What it is one of.
        design: Anything with `pieces()`.

    Raises:
        HyperdynError: If trimesh or manifold3d is not installed; names the extra.
    """
    require_push()
    hulls = [hull(points) for points in design.pieces()]
    mesh = as_mesh(without_slivers(union(hulls)))
    parts = tuple(as_mesh(piece) for piece in hulls)
    x, y, _ = mesh.center_mass
    shift = [-x, -y, -mesh.bounds[0][2]]
    for moved in (mesh, *parts):
        moved.apply_translation(shift)
    return PushObject(id=name, family=family, mesh=mesh, parts=parts, mismatch=0.0)
