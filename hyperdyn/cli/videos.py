"""Filming an environment and writing what was filmed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperdyn.errors import HyperdynError, InputError

if TYPE_CHECKING:
    import gymnasium
    import numpy as np

SUFFIXES = (".gif", ".mp4", ".png")
FPS = 25.0
STRIP = 6
"""Pictures of an episode that is printed."""


def require_video_name(file: Path) -> None:
    """Refuse a file whose format cannot be written.

    Raises:
        InputError: With the endings that can.
        HyperdynError: If the libraries that write pictures are not installed.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise InputError(f"{file} ends in {file.suffix!r}; films end in {', '.join(SUFFIXES)}.")
    try:
        import imageio  # noqa: F401
        import imageio_ffmpeg  # noqa: F401
    except ImportError as error:
        raise HyperdynError(
            f"Writing {file} needs imageio with ffmpeg; install the extra: "
            "pip install 'hyperdyn-toolkit[view]'."
        ) from error


class Camera:
    """Makes one environment with pictures, and keeps 25 of them a second of simulated time."""

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []
        self._env: gymnasium.Env[Any, Any] | None = None
        self._steps = 0

    def make(self, env_id: str) -> "gymnasium.Env[Any, Any]":
        """Make the environment, in place of `hyperdyn.envs.make`."""
        import hyperdyn.envs

        self._env = hyperdyn.envs.make(env_id, render_mode="rgb_array")
        return self._env

    def take(self) -> None:
        """Take a picture if one is due; call it after every step.

        Raises:
            HyperdynError: If this machine has no off-screen OpenGL; says what to install.
        """
        if self._env is None:
            raise InputError("Camera.take was called before Camera.make; there is nothing to film.")
        import numpy as np

        every = max(1, round(float(self._env.metadata["render_fps"]) / FPS))
        if self._steps % every == 0:
            self.frames.append(np.asarray(self._env.render()))
        self._steps += 1

    def write(self, file: Path) -> None:
        """Write the pictures as `write_video` does."""
        write_video(file, self.frames, FPS)


def write_video(file: Path, frames: "Sequence[np.ndarray]", fps: float) -> None:
    """Write pictures of one size: a GIF that repeats (.gif), H.264 (.mp4), a strip of six (.png).

    Args:
        file: Where to; its folder exists.
        frames: RGB bytes, each (height, width, 3).
        fps: Pictures a second.
    """
    import imageio

    if file.suffix.lower() == ".png":
        imageio.imwrite(file, strip(frames))
    elif file.suffix.lower() == ".gif":
        imageio.mimwrite(file, [*frames], duration=1000 / fps, loop=0)
    else:
        # Players want an even width and height; ffmpeg would else pad to multiples of 16.
        imageio.mimwrite(file, [*frames], fps=fps, macro_block_size=2)


def strip(frames: "Sequence[np.ndarray]") -> "np.ndarray":
    """The first picture, the last and those evenly between them, side by side; at most `STRIP`."""
    import numpy as np

    chosen = np.linspace(0, len(frames) - 1, min(STRIP, len(frames))).round().astype(int)
    return np.concatenate([frames[number] for number in chosen], axis=1)
