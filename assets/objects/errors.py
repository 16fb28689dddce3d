"""What can be wrong with a mesh that somebody brings along."""

from hyperdyn.errors import InputError


class MeshError(InputError):
    """A mesh that cannot become an object; the text says why and how to mend it."""


class MeshFileError(MeshError):
    """A file that is missing, truncated, of an unknown format, or cannot be parsed."""


class MeshPathError(MeshError):
    """A path that leaves the folder it was meant to stay in."""


class MeshLimitError(MeshError):
    """A mesh with too many bytes or faces, or one that took too much time or memory."""


class MeshGeometryError(MeshError):
    """Indices out of range, vertices that are not finite, no volume, or holes left unrepaired."""
