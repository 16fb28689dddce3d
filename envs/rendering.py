"""Off-screen pictures of a MuJoCo model, on machines with and without a display."""

import atexit
import contextlib
import ctypes.util
import functools
import importlib
import os
import sys
import weakref
from typing import Protocol, cast, runtime_checkable

import mujoco
import numpy as np
from jaxtyping import UInt8

from hyperdyn.envs.errors import RenderingUnavailableError

_PACKAGES = (
    "Install an off-screen OpenGL: on Debian `apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri`"
    " (EGL), or `apt-get install libosmesa6` (software). Everything but pictures works without."
)


def _backend() -> str:
    """Which of MuJoCo's context modules to use: the user's `MUJOCO_GL`, else what is there."""
    asked = os.environ.get("MUJOCO_GL", "").lower().strip()
    if asked in ("egl", "osmesa", "glfw", "cgl"):
        return asked
    if asked in ("disable", "disabled", "off", "false", "0"):
        raise RenderingUnavailableError(f"MUJOCO_GL={asked} turns rendering off. Unset it.")
    if sys.platform == "darwin":
        return "cgl"
    if sys.platform == "win32" or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ:
        return "glfw"
    for name, library in (("egl", "EGL"), ("osmesa", "OSMesa")):
        if ctypes.util.find_library(library):
            return name
    raise RenderingUnavailableError(f"No display, and neither EGL nor OSMesa here. {_PACKAGES}")


@functools.cache
def _load_triton() -> None:
    """Load Triton, if there is one, before OpenGL.

    Software OpenGL and Triton each bring an LLVM of their own. If Triton's, which torch's
    optimisers load, comes second, the process dies.
    """
    with contextlib.suppress(ImportError):
        importlib.import_module("triton")


@runtime_checkable
class _Context(Protocol):
    def make_current(self) -> None: ...
    def free(self) -> None: ...


def _open(model: mujoco.MjModel, width: int, height: int) -> tuple[_Context, mujoco.MjrContext]:
    """The model in a fresh context, of a kind that `import mujoco` would not choose by itself."""
    name = _backend()
    _load_triton()
    try:
        module = importlib.import_module(f"mujoco.{name}")
        context = cast(_Context, module.GLContext(width, height))
        context.make_current()
        return context, mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
    except (ImportError, AttributeError, OSError, RuntimeError, mujoco.FatalError) as error:
        raise RenderingUnavailableError(
            f"OpenGL through {name} does not start ({type(error).__name__}: {error}). {_PACKAGES}"
        ) from error


class OffscreenRenderer:
    """Renders one model from one of its cameras.

    Without shadows and reflections: 3 to 10 ms a picture on one core instead of 40.

    Args:
        model: The model to draw.
        camera: Name of a camera in it.
        width: Of the picture, pixels.
        height: Of the picture, pixels.

    Raises:
        RenderingUnavailableError: If there is no off-screen OpenGL; the text says what to install.
    """

    _is_open = False

    def __init__(self, model: mujoco.MjModel, camera: str, width: int, height: int) -> None:
        """Open an OpenGL context and load the model into it."""
        self._model = model
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = model.camera(camera).id
        self._option = mujoco.MjvOption()
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._scene = mujoco.MjvScene(model, maxgeom=200)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._scene.flags[flag] = False
        self._gl, self._mjr = _open(model, width, height)
        self._is_open = True
        _open_renderers.add(self)
        _close_all_at_exit()
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._mjr)

    def render(self, data: mujoco.MjData) -> UInt8[np.ndarray, "height width 3"]:
        """Draw the state in `data`; a new array of RGB bytes."""
        picture = np.empty((self._rect.height, self._rect.width, 3), np.uint8)
        self._gl.make_current()
        mujoco.mjv_updateScene(
            self._model,
            data,
            self._option,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        mujoco.mjr_render(self._rect, self._scene, self._mjr)
        mujoco.mjr_readPixels(picture, None, self._rect, self._mjr)
        return picture[::-1].copy()

    def close(self) -> None:
        """Free the OpenGL context; the object is of no use afterwards."""
        if self._is_open:
            self._is_open = False
            self._gl.make_current()
            self._mjr.free()
            self._gl.free()

    def __del__(self) -> None:
        """Free what nobody closed while its own context, and no other, is current."""
        self.close()


_open_renderers: weakref.WeakSet[OffscreenRenderer] = weakref.WeakSet()


def _close_all() -> None:
    for renderer in list(_open_renderers):
        renderer.close()


@functools.cache
def _close_all_at_exit() -> None:
    """Register the last chance to close, once, after MuJoCo's own hook and so ahead of it."""
    atexit.register(_close_all)
