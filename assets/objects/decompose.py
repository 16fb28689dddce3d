"""Convex parts of a solid, for collision.

The built-in method needs nothing but the solid: it cuts the piece whose convex hull exceeds it
most, along the level or upright plane that leaves the least excess, until the excess is small.
V-HACD and CoACD can be asked for by name; they take longer.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperdyn.assets.objects.limits import Decomposition
from hyperdyn.assets.objects.solids import as_mesh, hull, union
from hyperdyn.errors import HyperdynError

if TYPE_CHECKING:
    import manifold3d

ENOUGH = 0.01  # excess, as a share of the solid's volume, at which no further cut is made
CUTS = np.linspace(0.0, 1.0, 9)[1:-1]  # where cuts are tried, between the ends of a piece
TURNS = np.pi * np.arange(4) / 4
NORMALS = [(0.0, 0.0, 1.0), *((float(np.cos(t)), float(np.sin(t)), 0.0) for t in TURNS)]
COARSE = (1e-3, 2e-3, 4e-3)  # of the largest extent: how far parts may fall short of the solid
FEW = 3000  # triangles: the first of these that leaves no more is taken, else the last
CROWD = 0.05  # a cut into one more body must leave this share less
SMALL = 1e-6  # volume of a body that is given up, in units of the largest extent cubed
LIBRARIES = {"vhacd": "vhacdx", "coacd": "coacd"}


def convex_parts(
    solid: "manifold3d.Manifold", method: Decomposition, most: int
) -> "tuple[list[manifold3d.Manifold], list[str]]":
    """Find convex parts.

    Args:
        solid: Closed, with a largest extent near 1.
        method: As in `Treatment`.
        most: The most parts.

    Returns:
        The parts, and what the method means for them, in sentences.

    Raises:
        HyperdynError: If a library that was asked for is not installed.
    """
    whole = solid.hull()
    if method == "hull":
        return [whole], ["It collides as its convex hull, as asked."]
    if method == "auto" and whole.volume() - solid.volume() < ENOUGH * solid.volume():
        return [whole], []
    if method in LIBRARIES:
        return _by_library(solid, method, most), []
    return _by_planes(solid, most), []


def mismatch(solid: "manifold3d.Manifold", parts: "list[manifold3d.Manifold]") -> float:
    """Volume that is in the solid or the union of the parts but not in both, as a share."""
    together = union(parts)
    common = (solid ^ together).volume()
    return float(max(solid.volume() + together.volume() - 2 * common, 0.0) / solid.volume())


def _excess(piece: "manifold3d.Manifold") -> float:
    return float(piece.hull().volume() - piece.volume())


def _by_planes(solid: "manifold3d.Manifold", most: int) -> "list[manifold3d.Manifold]":
    for detail in COARSE:
        coarse = solid.simplify(detail)
        if coarse.num_tri() <= FEW:
            break
    pieces = [(_excess(body), body) for body in coarse.decompose() if body.volume() > SMALL]
    whole: list[
        tuple[float, manifold3d.Manifold]
    ] = []  # pieces that no cut divides into as few as there is room for
    while pieces and sum(excess for excess, _ in pieces + whole) > ENOUGH * coarse.volume():
        worst = max(range(len(pieces)), key=lambda n: pieces[n][0])
        excess, piece = pieces.pop(worst)
        found = _divided(piece, most - len(pieces) - len(whole))
        if found:
            pieces += found
        else:
            whole.append((excess, piece))
    return [piece.hull() for _, piece in pieces + whole]


def _divided(piece: "manifold3d.Manifold", room: int) -> "list[tuple[float, manifold3d.Manifold]]":
    """Cut a piece where the hulls of what is left exceed it least; into 2 to `room` bodies."""
    best: list[tuple[float, manifold3d.Manifold]] = []
    if room < 2:
        return best
    least = float("inf")
    corners = np.asarray(piece.to_mesh64().vert_properties)[:, :3]
    for normal in NORMALS:
        along = corners @ np.array(normal)
        for place in along.min() + CUTS * np.ptp(along):
            halves = piece.split_by_plane(normal, float(place))
            bodies = [body for half in halves for body in half.decompose() if body.volume() > SMALL]
            if not 2 <= len(bodies) <= room:
                continue
            found = [(_excess(body), body) for body in bodies]
            excess = sum(value for value, _ in found) * (1 + CROWD * len(found))
            if excess < least:
                best, least = found, excess
    return best


def _by_library(
    solid: "manifold3d.Manifold", method: str, most: int
) -> "list[manifold3d.Manifold]":
    name = LIBRARIES[method]
    if importlib.util.find_spec(name) is None:
        raise HyperdynError(
            f"The decomposition {method!r} needs {name}: pip install {name}, or use 'planes'."
        )
    library: Any = importlib.import_module(name)
    mesh = as_mesh(solid)
    if method == "vhacd":
        found = library.compute_vhacd(
            np.array(mesh.vertices), np.array(mesh.faces, dtype=np.uint32), maxConvexHulls=most
        )
    else:
        found = library.run_coacd(
            library.Mesh(np.array(mesh.vertices), np.array(mesh.faces)), max_convex_hull=most
        )
    return [hull(np.asarray(vertices)) for vertices, _ in found]
