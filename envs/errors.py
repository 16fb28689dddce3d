"""The error environments add to those of `hyperdyn.errors`."""

from hyperdyn.errors import HyperdynError


class RenderingUnavailableError(HyperdynError):
    """No off-screen OpenGL on this machine; the text says which packages bring one."""
