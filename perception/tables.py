"""Where the table is: a plane fitted to points, and the camera's pose over it."""

import numpy as np
import numpy.typing as npt

from hyperdyn.perception.errors import PointCloudError

Array = npt.NDArray[np.float64]
_SAMPLE = 20_000


def fit_plane(
    points: Array, *, rng: np.random.Generator, tolerance: float = 0.006, rounds: int = 200
) -> tuple[Array, float, float]:
    """The plane most points lie on (RANSAC, then least squares over the points near it).

    Args:
        points: Shape (n, 3), metres.
        rng: Source of the triples tried.
        tolerance: Distance up to which a point counts as on the plane, metres.
        rounds: Number of triples tried.

    Returns:
        The plane's unit normal and offset, normal · p = offset, and the share of points on it.

    Raises:
        PointCloudError: If there are fewer than three points, or no plane has a tenth of them.
    """
    points = points[np.isfinite(points).all(-1)]
    if len(points) > _SAMPLE:
        points = points[rng.choice(len(points), _SAMPLE, replace=False)]
    if len(points) < 3:
        raise PointCloudError(f"A plane needs at least 3 finite points; got {len(points)}.")
    triples = points[rng.integers(len(points), size=(rounds, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    normals = normals[lengths > 1e-9] / lengths[lengths > 1e-9, None]
    offsets = (normals * triples[lengths > 1e-9, 0]).sum(1)
    near = [
        (np.abs(points @ n - d) < tolerance).mean() for n, d in zip(normals, offsets, strict=True)
    ]
    best = int(np.argmax(near)) if near else -1
    if best < 0 or near[best] < 0.1:
        raise PointCloudError(
            f"No plane holds a tenth of the {len(points)} points (best: "
            f"{near[best] if near else 0:.0%}); crop the cloud to the table, or give the pose."
        )
    normal, offset = normals[best], float(offsets[best])
    for _ in range(3):
        inside = points[np.abs(points @ normal - offset) < tolerance]
        centre = inside.mean(0)
        axis = np.linalg.svd(inside - centre, full_matrices=False)[2][2]
        normal = axis if axis @ normal > 0 else -axis
        offset = float(normal @ centre)
    return normal, offset, float((np.abs(points @ normal - offset) < tolerance).mean())


def pose_over_table(points: Array, *, rng: np.random.Generator, tolerance: float = 0.006) -> Array:
    """Pose of a camera, from what it sees of a table: for a frame whose pose nobody measured.

    Args:
        points: What the camera sees, in its own frame (x right, y down, z forward), (n, 3), metres.
        rng: Source of the plane fit's triples.
        tolerance: Distance up to which a point counts as on the table, metres.

    Returns:
        Camera to world (4, 4): the table at z = 0, the origin where the camera's axis meets it, the
        world's x axis along the camera's.

    Raises:
        PointCloudError: If no plane is found, or it is not one the camera looks down on.
    """
    points = points[np.isfinite(points).all(-1)]
    normal, offset, _ = fit_plane(points, rng=rng, tolerance=tolerance)
    if offset > 0:  # up is the side that the camera is on
        normal, offset = -normal, -offset
    right = np.array([1.0, 0, 0]) - normal[0] * normal
    if normal[2] > -0.1 or np.linalg.norm(right) < 0.1:
        raise PointCloudError(
            "The plane found is not one that the camera looks down on; it is hardly a table. Crop "
            "the cloud to the table, or give the pose."
        )
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(normal, right), normal])  # world axes, in the camera's
    origin = np.array([0, 0, offset / normal[2]])
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = -rotation @ origin
    return pose
